/** Sends requests to the API server by a KubeConfig, over connections that stay open. */
import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { OwnConfig, whereOf } from './kubeconfig-auth.ts';
import { networkWords } from './network-words.ts';
import { KubeConfigError, KubeError, type ListQuery } from './port.ts';

/** Closes connections that were idle for this long. The API server does so after 90 s, and proxies may do so earlier. */
const UNUSED_MS_MAX = 30_000;
const UNUSED_MAX = 8;

/** Node keeps connections by their credentials too, so a request with renewed credentials opens a new connection. */
const KEPT = new Agent({
  keepAlive: true,
  keepAliveMsecs: UNUSED_MS_MAX,
  timeout: UNUSED_MS_MAX,
  maxFreeSockets: UNUSED_MAX,
});

/** A small buffer, so that Node does not go on reading a paused stream: each read would wake the process. */
const STREAMS = new Agent({ highWaterMark: 1 } as AgentOptions);

/** How long to try one of several addresses. Node's default of 250 ms is too short for a distant API server. */
const ATTEMPT_MS = 1_000;

/** Closes all idle connections. Call it after a timeout: the API server at their other end may be gone. */
export function dropKept(): void {
  for (const sockets of Object.values(KEPT.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The form of the answer; by default the whole object as JSON. */
  readonly accept?: string;
  /** True if the caller does not read managedFields of the answer. */
  readonly unmanaged?: boolean;
  /** The largest answer that is read. */
  readonly bytesMax?: number;
}

interface Sending {
  readonly userAgent: string;
  /** Called once there are credentials. The signal ends the request, and also an answer that is still arriving. */
  readonly begin: () => AbortSignal;
  /** True for an answer that goes on for minutes. */
  readonly stream?: boolean;
}

/** Sends a request. Resolves when the headers of the answer are there. Without an answer, rejects with KubeError 0. */
export async function openRequest(
  config: KubeConfig,
  call: Call,
  sending: Sending,
): Promise<IncomingMessage> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new KubeError('no cluster in the kubeconfig: set KUBECONFIG', { status: 0 });
  const options = await authenticated(config);
  // For a proxy, keep the library's own agent, which opens a new connection for each request.
  if (!cluster.proxyUrl && cluster.server.startsWith('https:')) {
    options.agent = sending.stream ? STREAMS : KEPT;
  }
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  options.method = call.method;
  options.signal = sending.begin();
  options.headers = {
    ...options.headers,
    accept: call.accept ?? 'application/json',
    'user-agent': sending.userAgent,
    ...(payload === undefined ? {} : contentOf(payload, call)),
  };
  const url = new URL(cluster.server.replace(/\/$/, '') + call.path);
  const answer = await answerTo(url, options, payload).catch((cause: unknown) => {
    throw noAnswer(call, config, cause);
  });
  if (answer.statusCode === 401 && config instanceof OwnConfig) config.refused();
  return answer;
}

/** The options with TLS and credentials. A plugin that asks a person for input may take any time. */
async function authenticated(config: KubeConfig): Promise<RequestOptions> {
  // Trust an intermediate CA in the list without its root, as kubectl and all Go programs do.
  const options = {
    autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
    allowPartialTrustChain: true,
  } as RequestOptions;
  try {
    await config.applyToHTTPSOptions(options);
    return options;
  } catch (cause) {
    if (cause instanceof KubeConfigError) throw cause;
    throw new KubeConfigError(`what the kubeconfig names cannot be used: ${String(cause)}`, { cause });
  }
}

const contentOf = (payload: string, { contentType = 'application/json' }: Call) => ({
  'content-type': contentType,
  'content-length': Buffer.byteLength(payload),
});

/** Sends a request. Resolves when the headers of the answer are there. Rejects with the error of the connection. */
export function answerTo(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, resolve);
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** The error for a request without an answer. */
export function noAnswer({ method, path }: Call, config: KubeConfig, cause: unknown): KubeError {
  // With SOCKS, the client library looks up the server's name itself, so such an error does not concern the proxy.
  const isByProxy = /^http/i.test(config.getCurrentCluster()?.proxyUrl ?? '');
  const words = networkWords(cause, isByProxy);
  const text = `no answer from the API server (${whereOf(config)}): ${words} (${method} ${path})`;
  return new KubeError(text, { status: 0, cause });
}

/** The parameters of a list or watch: its selectors, and `extra`. */
export function queryString(query: ListQuery, extra: Record<string, string> = {}): string {
  const params = new URLSearchParams(extra);
  if (query.labelSelector) params.set('labelSelector', query.labelSelector);
  if (query.fieldSelector) params.set('fieldSelector', query.fieldSelector);
  return params.toString();
}
