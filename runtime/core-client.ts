/**
 * The client of stellar-core's command port: one plain GET per question, bounded in time and size, no
 * redirect, no proxy, no connection kept. Whom to ask, when and how often is its caller's matter.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type CoreInfo, connectedAddresses, coreInfoOf, isConnecting } from '../peers/core/answers.ts';
import { isIpv4 } from '../peers/discovery/address.ts';
import { COMPONENT } from '../peers/names.ts';
import type { Clock } from './clock.ts';
import { readBody } from './kube/body.ts';

/**
 * `closed`: the machine is there and nothing listens. `unreachable`: no connection, or it was reset before
 * an answer began. `failed`: any other end, an answer that came too late, too large or unreadable included.
 */
export type CoreFault = 'closed' | 'unreachable' | 'failed';

export class CoreError extends Error {
  override readonly name = 'CoreError';
  readonly fault: CoreFault;

  constructor(fault: CoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** `host` is a pod's IPv4 address. Every promise settles in time, with the connection closed, or rejects with CoreError. */
export interface CoreClient {
  /** `ip:port` of the authenticated peers. */
  peers(host: string): Promise<ReadonlySet<string>>;
  info(host: string): Promise<CoreInfo>;
  /** Asks it to dial `peer`; resolves when it says that it will, not when the two are connected. */
  connect(host: string, peer: { readonly host: string; readonly port: number }): Promise<void>;
}

interface CoreClientOptions {
  readonly clock: Clock;
  readonly port: number;
  /** For one question as a whole: connecting, headers and the last byte of the body. */
  readonly timeoutMs: number;
  /** Largest body that is read. */
  readonly bytesMax: number;
}

interface Question extends CoreClientOptions {
  readonly host: string;
  readonly target: string;
}

/** How far a question got, which tells an unreachable pod from one that does not answer. */
interface Progress {
  connected: boolean;
  answered: boolean;
}

const FAULT_OF_CODE: Readonly<Record<string, CoreFault>> = {
  ECONNREFUSED: 'closed',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'unreachable',
};

/** A client for stellar-core's command port on any pod. */
export function createCoreClient(options: CoreClientOptions): CoreClient {
  const ask = async <T>(host: string, target: string, read: (text: string) => T | undefined): Promise<T> => {
    const question = { ...options, host, target };
    const answer = read(await textFrom(question));
    if (answer === undefined) throw failed(question, 'the answer is not what stellar-core writes');
    return answer;
  };
  return {
    peers: (host) => ask(host, '/peers', connectedAddresses),
    info: (host) => ask(host, '/info', coreInfoOf),
    connect: async (host, peer) => {
      const query = new URLSearchParams({ peer: peer.host, port: String(peer.port) });
      await ask(host, `/connect?${query}`, (text) => isConnecting(text) || undefined);
    },
  };
}

async function textFrom(question: Question): Promise<string> {
  // A name would be resolved, which has no deadline and may lead anywhere.
  if (!isIpv4(question.host)) throw failed(question, 'the host is not an IPv4 address');
  const deadline = new AbortController();
  const cancel = question.clock.after(question.timeoutMs, () => deadline.abort());
  const progress: Progress = { connected: false, answered: false };
  const asked = send(question, deadline.signal, progress);
  try {
    const response = await responseTo(asked);
    progress.answered = true;
    if (response.statusCode !== 200) throw failed(question, `status ${response.statusCode}`);
    return await readBody(response, question.bytesMax);
  } catch (error) {
    throw coreError(question, error, deadline.signal.aborted, progress);
  } finally {
    cancel();
    asked.destroy();
  }
}

function send(question: Question, signal: AbortSignal, progress: Progress): ClientRequest {
  const { host, port, target } = question;
  const headers = { 'user-agent': COMPONENT };
  const asked = request({ host, port, path: target, method: 'GET', agent: false, headers, signal });
  asked.once('socket', (socket) => {
    socket.once('connect', () => {
      progress.connected = true;
    });
  });
  return asked;
}

const responseTo = (asked: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    asked.once('response', resolve);
    // Stays on: destroying the request may tell of an error that nothing waits for any more.
    asked.on('error', reject);
    // An answer that switches protocols ends without response and without error.
    asked.once('close', () => reject(new Error('the connection ended without an answer')));
    asked.end();
  });

function coreError(question: Question, error: unknown, timedOut: boolean, progress: Progress): CoreError {
  if (error instanceof CoreError) return error;
  if (timedOut) {
    const seen = `no ${progress.connected ? 'complete answer' : 'connection'} within ${question.timeoutMs} ms`;
    return new CoreError(progress.connected ? 'failed' : 'unreachable', told(question, seen), {
      cause: error,
    });
  }
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reset = code === 'ECONNRESET' && !progress.answered;
  const fault = reset ? 'unreachable' : (FAULT_OF_CODE[code] ?? 'failed');
  return new CoreError(fault, told(question, message), { cause: error });
}

const failed = (question: Question, seen: string): CoreError => new CoreError('failed', told(question, seen));

const told = ({ host, port, target }: Question, seen: string): string =>
  `GET http://${host}:${port}${target}: ${seen}`;
