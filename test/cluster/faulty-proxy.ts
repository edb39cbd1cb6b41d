/**
 * A proxy between our replicas and the API server. It lets a share of the calls fail: refused, broken, or never
 * answered. A seed decides which calls fail.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import { Random } from '../sim/random.ts';
import type { Cluster } from './boot.ts';
import { writeKubeconfig } from './config-files.ts';
import { createPki } from './pki.ts';

interface FaultyProxyOptions {
  readonly seed: number;
  /** Share of the calls that fail, from 0 to 1; it may be changed later. */
  readonly share: number;
  /** Requests, as `METHOD path`, that fail at most once each. Default: none. */
  readonly failOnce?: RegExp;
}

export interface FaultyProxy {
  share: number;
  /** Path of a kubeconfig of our ServiceAccount that leads here. */
  readonly kubeconfig: string;
  /** The number of calls, watches included, and how many of them this proxy let fail. */
  readonly counts: { readonly calls: number; readonly failed: number };
  stop(): Promise<void>;
}

/** The ways to fail. `hang`: the call is not executed and not answered. `lost answer`: executed, but not answered. */
const FAULTS = ['429', '429 with Retry-After', '500', '503', 'hang', 'lost answer', 'reset'] as const;

const status = (code: number, reason: string): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: 'by the faulty proxy',
    reason,
    code,
  });

export async function startFaultyProxy(cluster: Cluster, options: FaultyProxyOptions): Promise<FaultyProxy> {
  const random = new Random(options.seed);
  const pki = createPki();
  const agent = new Agent({ keepAlive: true });
  const account = await cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers');
  const config = loadKubeConfig({ path: account });
  const ca = Buffer.from(config.getCurrentCluster()?.caData ?? '', 'base64');
  const counts = { calls: 0, failed: 0 };
  let { share } = options;
  const failedOnce = new Set<string>();
  const hasFailedOnce = ({ method, url }: IncomingMessage): boolean => {
    const sent = `${method} ${url}`;
    const isKnown = failedOnce.has(sent);
    if (options.failOnce?.test(sent)) failedOnce.add(sent);
    return isKnown;
  };
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse, isLost = false): void => {
    const { method, headers } = incoming;
    const url = new URL(incoming.url ?? '/', cluster.server);
    const upstream = request(
      url,
      { method, headers: { ...headers, host: url.host }, agent, ca },
      (answer) => {
        if (isLost) return void answer.resume();
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        // Send the headers at once: a watch has begun when its headers arrive, and its first event may come much later.
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  };
  const fail = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    counts.failed += 1;
    const fault = random.pick(FAULTS);
    if (fault === 'lost answer') {
      forward(incoming, outgoing, true);
      return;
    }
    incoming.resume();
    if (fault === 'hang') return;
    if (fault === 'reset') {
      outgoing.destroy();
      return;
    }
    const code = Number.parseInt(fault, 10);
    const headers = fault.endsWith('Retry-After') ? { 'retry-after': '1' } : {};
    outgoing.writeHead(code, { 'content-type': 'application/json', ...headers });
    outgoing.end(status(code, code === 429 ? 'TooManyRequests' : 'InternalError'));
  };
  const server = createServer({ cert: pki.certPem, key: pki.keyPem }, (incoming, outgoing) => {
    counts.calls += 1;
    if (random.chance(share) && !hasFailedOnce(incoming)) fail(incoming, outgoing);
    else forward(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeconfig = writeKubeconfig(join(cluster.dir, 'config', 'through-proxy.kubeconfig'), {
    server: `https://127.0.0.1:${port}`,
    caPem: pki.caPem,
    token: config.getCurrentUser()?.token ?? '',
    namespace: 'stellar-peers',
  });
  return {
    get share() {
      return share;
    },
    set share(next) {
      share = next;
    },
    kubeconfig,
    counts,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}
