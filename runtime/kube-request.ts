/**
 * Requests to the API server over node:https, with the authentication of a KubeConfig and on connections that are kept:
 * what a request costs is hardly ever a TLS handshake. What is asked and what the answer means is the callers'.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { KubeError, type ListQuery } from './kube.ts';

/** One that nobody used for so long is closed by us: the API server does so after 90 s, whatever stands between after less. */
const UNUSED_MS_MAX = 30_000;
const UNUSED_MAX = 8;

/** Which credentials a connection was opened with is part of what it is kept by, so renewed ones open new connections. */
const KEPT = new Agent({
  keepAlive: true,
  keepAliveMsecs: UNUSED_MS_MAX,
  timeout: UNUSED_MS_MAX,
  maxFreeSockets: UNUSED_MAX,
});

/** A stream that is paused is not read on for a buffer's sake: each reading would wake the process. */
const STREAMS = new Agent({ highWaterMark: 1 } as AgentOptions);

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** What the answer should be, where that is not the whole object as JSON. */
  readonly accept?: string;
  /** True where managedFields of the answer are read by nobody. */
  readonly unmanaged?: boolean;
}

interface Sending {
  readonly userAgent: string;
  /** Ends the request, and the answer too where that is still coming. */
  readonly signal: AbortSignal;
  /** True for an answer that goes on for minutes. */
  readonly stream?: boolean;
}

/** Resolves to the answer as soon as its head has come. Rejects with KubeError, status 0, where there is none. */
export async function openRequest(
  config: KubeConfig,
  call: Call,
  sending: Sending,
): Promise<IncomingMessage> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new KubeError('no cluster in the kubeconfig: set KUBECONFIG', { status: 0 });
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  // The client's own agents know the way through a proxy, and open a connection for each request.
  if (!cluster.proxyUrl && cluster.server.startsWith('https:')) {
    options.agent = sending.stream ? STREAMS : KEPT;
  }
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  options.method = call.method;
  options.signal = sending.signal;
  options.headers = {
    ...options.headers,
    accept: call.accept ?? 'application/json',
    'user-agent': sending.userAgent,
    ...(payload === undefined ? {} : contentOf(payload, call)),
  };
  return answerTo(new URL(cluster.server.replace(/\/$/, '') + call.path), options, payload).catch(
    (cause: unknown) => {
      throw noAnswer(call, cause);
    },
  );
}

const contentOf = (payload: string, { contentType = 'application/json' }: Call) => ({
  'content-type': contentType,
  'content-length': Buffer.byteLength(payload),
});

function answerTo(url: URL, options: RequestOptions, payload: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, resolve);
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** The text of an answer whose head has come. Rejects where it ends early. */
export function textOf(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

/** A request that came to nothing on the way. */
export const noAnswer = ({ method, path }: Call, cause: unknown): KubeError =>
  new KubeError(`${method} ${path}: no answer from the API server (${String(cause)})`, { status: 0, cause });

/** The parameters of a list or watch: its selectors, and `extra`. */
export function queryString(query: ListQuery, extra: Record<string, string> = {}): string {
  const params = new URLSearchParams(extra);
  if (query.labelSelector) params.set('labelSelector', query.labelSelector);
  if (query.fieldSelector) params.set('fieldSelector', query.fieldSelector);
  return params.toString();
}
