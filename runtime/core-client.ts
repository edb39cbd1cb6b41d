/** The client of stellar-core's command port: one plain GET per question, limited in time and size. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import {
  type CoreInfo,
  connectedAddresses,
  coreInfoOf,
  isConnecting,
  wordsOf,
} from '../peers/core/answers.ts';
import { isIpv4 } from '../peers/discovery/address.ts';
import { COMPONENT } from '../peers/names.ts';
import type { Clock } from './clock.ts';
import { readBody } from './kube/body.ts';

/**
 * `refused`: nothing listens there, as far as can be told. `declined`: the answer to `connect` says something else, such as
 * an exception of stellar-core. `failed`: any other failure, such as an answer that is too late or too large.
 */
export type CoreFault = 'refused' | 'declined' | 'failed';

export class CoreError extends Error {
  override readonly name = 'CoreError';
  readonly fault: CoreFault;

  constructor(fault: CoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** `host` is a pod's IPv4 address. All methods settle in time, close the connection, and reject only with CoreError. */
export interface CoreClient {
  /** The authenticated peers as `ip:port`. */
  peers(host: string): Promise<ReadonlySet<string>>;
  info(host: string): Promise<CoreInfo>;
  /** Asks stellar-core to dial `peer`. Resolves when stellar-core agrees, which is before the two are connected. */
  connect(host: string, peer: { readonly host: string; readonly port: number }): Promise<void>;
}

interface CoreClientOptions {
  readonly clock: Clock;
  readonly port: number;
  /** The time limit for a whole question: connection, headers and body. */
  readonly timeoutMs: number;
  /** Largest body that is read. */
  readonly bytesMax: number;
}

interface Question extends CoreClientOptions {
  readonly host: string;
  readonly target: string;
}

const REFUSED_CODES = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];

/** A client for stellar-core's command port on any pod. */
export function createCoreClient(options: CoreClientOptions): CoreClient {
  const ask = async <T>(host: string, target: string, read: (text: string) => T | undefined): Promise<T> => {
    const question = { ...options, host, target };
    const text = await textFrom(question);
    const answer = read(text);
    if (answer === undefined) throw errorOf(question, otherWords(text));
    return answer;
  };
  return {
    peers: (host) => ask(host, '/peers', connectedAddresses),
    info: (host) => ask(host, '/info', coreInfoOf),
    connect: async (host, peer) => {
      const query = new URLSearchParams({ peer: peer.host, port: String(peer.port) });
      const question = { ...options, host, target: `/connect?${query}` };
      const text = await textFrom(question);
      if (!isConnecting(text)) throw errorOf(question, otherWords(text), 'declined');
    },
  };
}

async function textFrom(question: Question): Promise<string> {
  const { host, port, target, clock, timeoutMs, bytesMax } = question;
  // Refuse a name: its resolution has no deadline, and the name may lead anywhere.
  if (!isIpv4(host)) throw errorOf(question, 'the host is not an IPv4 address');
  const deadline = new AbortController();
  const cancel = clock.after(timeoutMs, () => deadline.abort());
  const headers = { 'user-agent': COMPONENT };
  const outgoing = request({ host, port, path: target, agent: false, headers, signal: deadline.signal });
  let reached: Reached = 'nothing';
  outgoing.once('socket', (socket) => {
    socket.once('connect', () => {
      reached = 'machine';
    });
  });
  try {
    const response = await responseTo(outgoing);
    reached = 'core';
    if (response.statusCode !== 200) throw errorOf(question, `status ${response.statusCode}`);
    return await readBody(response, bytesMax);
  } catch (error) {
    if (deadline.signal.aborted) throw lateError(question, error, reached);
    throw coreError(question, error, reached);
  } finally {
    cancel();
    outgoing.destroy();
  }
}

/** How far a question got. This distinguishes an unreachable pod from one that does not answer. */
type Reached = 'nothing' | 'machine' | 'core';

const responseTo = (outgoing: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    // Keep this listener: destroying the request later may raise an error.
    outgoing.on('error', reject);
    // An answer that switches protocols ends without response and without error.
    outgoing.once('close', () => reject(new Error('the connection ended without an answer')));
    outgoing.end();
  });

function lateError(question: Question, cause: unknown, reached: Reached): CoreError {
  const isUnreached = reached === 'nothing';
  const seen = `no ${isUnreached ? 'connection' : 'complete answer'} within ${question.timeoutMs} ms`;
  return errorOf(question, seen, isUnreached ? 'refused' : 'failed', cause);
}

function coreError(question: Question, cause: unknown, reached: Reached): CoreError {
  if (cause instanceof CoreError) return cause;
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const isReset = code === 'ECONNRESET' && reached !== 'core';
  const isRefused = isReset || REFUSED_CODES.includes(code);
  return errorOf(question, message, isRefused ? 'refused' : 'failed', cause);
}

/** The text of an unexpected answer, for an error message. */
function otherWords(text: string): string {
  const words = wordsOf(text);
  return words === '' ? 'the answer is empty' : `the answer is "${words}"`;
}

const errorOf = (
  { host, port, target }: Question,
  seen: string,
  fault: CoreFault = 'failed',
  cause?: unknown,
): CoreError => new CoreError(fault, `GET http://${host}:${port}${target}: ${seen}`, { cause });
