/**
 * Requests to the API server over node:https, with the authentication of a KubeConfig and on connections that are kept:
 * what a request costs is hardly ever a TLS handshake. What is asked and what the answer means is the callers'.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, type RequestOptions, request } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { OwnConfig, whereOf } from './kubeconfig-auth.ts';
import { networkWords } from './network-words.ts';
import { KubeConfigError, KubeError, type ListQuery } from './port.ts';

/** One that was idle for so long is closed by us: the API server does so after 90 s, whatever stands between after less. */
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

/** How long one address of several is tried: Node's own 250 ms are too short for an API server that is far away. */
const ATTEMPT_MS = 1_000;

/**
 * Closes what is kept and idle: where one request has had no answer in time, the API server at the other end may be gone,
 * and each of the others would cost as much time.
 */
export function dropKept(): void {
  for (const sockets of Object.values(KEPT.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** What the answer should be, where that is not the whole object as JSON. */
  readonly accept?: string;
  /** True where managedFields of the answer are not read. */
  readonly unmanaged?: boolean;
  /** An answer of more bytes is not read to its end. */
  readonly bytesMax?: number;
}

interface Sending {
  readonly userAgent: string;
  /** Ends the request, and the answer too where that is still coming; asked for once there are credentials. */
  readonly begin: () => AbortSignal;
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
  const options = await authenticated(config);
  // The client's own agents know the way through a proxy, and open a connection for each request.
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

/** Where the request goes, and as whom. A plugin that asks a person takes as long as that takes. */
async function authenticated(config: KubeConfig): Promise<RequestOptions> {
  // A CA is trusted by itself, its signer need not be, as by kubectl and all that Go makes.
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

/** Sends a request; resolves to the answer as soon as its head has come. Rejects with the error of the connection. */
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

/** A request that came to nothing on the way. */
export function noAnswer({ method, path }: Call, config: KubeConfig, cause: unknown): KubeError {
  // By SOCKS the client looks the server's name up itself: whose error that is, only the words of the error say.
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
