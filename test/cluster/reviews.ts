/**
 * Sends admission reviews directly to one replica's webhook over TLS, as the API server does: on a new connection, on a kept
 * connection, or in two halves.
 */
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { MutatingWebhookConfigurations } from '../../runtime/kube/resources.ts';
import type { Cluster } from './boot.ts';

/** The parts of an answer to a review that tests check. */
export interface Answered {
  readonly status: number;
  /** The header with this name. */
  readonly connection: string | undefined;
  readonly uid: string | undefined;
  readonly allowed: boolean | undefined;
  readonly atMs: number;
}

/** A review whose caller has sent its headers and half of its body. */
export interface HalfSent {
  /** Sends the second half. */
  finish(): Promise<Answered>;
  abandon(): void;
}

export interface Caller {
  /** Sends a review on a new connection. */
  ask(review: object): Promise<Answered>;
  /** Sends a review on the one kept connection. */
  askAgain(review: object): Promise<Answered>;
  /** Resolves when the webhook has begun to read. */
  begin(review: object): Promise<HalfSent>;
  /** Closes the kept connection. */
  stop(): void;
}

/** A review of a pod that the StatefulSet `owner` (`namespace/name`) made. */
export function reviewOf(owner: string, uid = 'a-uid'): object {
  const [namespace = '', set = ''] = owner.split('/');
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'StatefulSet', name: set, uid: `uid-of-${set}`, controller: true },
  ];
  const metadata = {
    ...{ name: `${set}-0`, namespace, ownerReferences },
    labels: { 'stellar.org/node-type': 'Validator', 'app.kubernetes.io/instance': set },
  };
  const spec = { containers: [{ name: 'stellar-node', image: 'stellar/stellar-core' }] };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      ...{ uid, namespace, name: `${set}-0`, operation: 'CREATE' },
      kind: { group: '', version: 'v1', kind: 'Pod' },
      object: { apiVersion: 'v1', kind: 'Pod', metadata, spec },
    },
  };
}

/** A caller that trusts the same CAs as the API server. */
export async function createCaller(cluster: Cluster, port: number): Promise<Caller> {
  const ref = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };
  const { webhooks } = (await cluster.admin.get(ref)) as { webhooks?: unknown };
  const [webhook] = webhooks as Array<{ clientConfig: { caBundle?: string } }>;
  const ca = Buffer.from(webhook?.clientConfig.caBundle ?? '', 'base64');
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (agent: Agent | false, length: number, headers = {}): ClientRequest =>
    request({
      ...{ host: '127.0.0.1', port, path: '/mutate-pods', method: 'POST', ca, agent },
      headers: { 'content-type': 'application/json', 'content-length': length, ...headers },
    });
  const ask = (agent: Agent | false, review: object) => {
    const body = JSON.stringify(review);
    const outgoing = send(agent, body.length);
    const answered = answerTo(outgoing);
    outgoing.end(body);
    return answered;
  };
  return {
    ask: (review) => ask(false, review),
    askAgain: (review) => ask(kept, review),
    begin: async (review) => {
      const body = JSON.stringify(review);
      const middle = Math.floor(body.length / 2);
      // A server that reads the headers says so at once, before there is a body.
      const outgoing = send(false, body.length, { expect: '100-continue' });
      const answered = answerTo(outgoing);
      answered.catch(() => undefined);
      outgoing.flushHeaders();
      await Promise.race([once(outgoing, 'continue'), answered]);
      outgoing.write(body.slice(0, middle));
      return {
        finish: () => {
          outgoing.end(body.slice(middle));
          return answered;
        },
        abandon: () => void outgoing.destroy(),
      };
    },
    stop: () => kept.destroy(),
  };
}

function answerTo(outgoing: ClientRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming: IncomingMessage) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve(read(incoming, Buffer.concat(chunks).toString('utf8'))));
    });
  });
}

function read({ statusCode = 0, headers }: IncomingMessage, text: string): Answered {
  const { response = {} } = JSON.parse(text) as { response?: { uid?: string; allowed?: boolean } };
  return {
    ...{ status: statusCode, connection: headers.connection, atMs: performance.now() },
    ...{ uid: response.uid, allowed: response.allowed },
  };
}
