/**
 * Watches: granted or refused in time, never cut for being quiet, never swallowing an error. Owns how a stream becomes
 * events; the client's own Watch reads it through several layers, which cost more than what the events cause.
 */
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parseJson } from '../../peers/field.ts';
import { withoutManagedFields } from '../../peers/read/managed-fields.ts';
import type { Clock } from '../clock.ts';
import { KubeError, type WatchEvent, type WatchQuery } from './port.ts';
import { openRequest, queryString } from './request.ts';
import { collectionPath, type Resource } from './resources.ts';

/** A quiet watch is cut after this: the server sends a bookmark about every minute. */
const WATCH_SILENCE_MS = 90_000;
const WATCH_TIMEOUT_SECONDS = 600;
const LINE_FEED = 10;

interface WatchTarget {
  readonly config: KubeConfig;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly query: WatchQuery;
  readonly userAgent: string;
  /** How long the server may take to grant or refuse it. */
  readonly timeoutMs: number;
  /** Told when it is granted. */
  readonly onSuccess: (() => void) | undefined;
}

/** Streams to `onEvent` as Kube.watch promises. */
export async function runWatch(
  target: WatchTarget,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, query, timeoutMs } = target;
  const path = `${collectionPath(target.resource, query.namespace)}?${watchParams(query)}`;
  const silence = new Silence(clock, Math.max(timeoutMs, query.patienceMs ?? 0));
  try {
    const incoming = await open(target, path, AbortSignal.any([signal, silence.signal]));
    silence.limitTo(WATCH_SILENCE_MS);
    target.onSuccess?.();
    query.onOpened?.();
    for await (const lines of linesOf(incoming, path)) {
      silence.broken();
      for (const line of lines) if (!signal.aborted) onEvent(eventOf(line, path, query.unmanaged));
    }
  } catch (error) {
    if (signal.aborted) return;
    if (silence.signal.aborted) throw streamError(path, 'nothing came for too long');
    throw error;
  } finally {
    silence.end();
  }
}

async function open(
  { config, userAgent }: WatchTarget,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const sending = { userAgent, begin: () => signal, stream: true };
  const incoming = await openRequest(config, { method: 'GET', path }, sending);
  const { statusCode: status = 0, statusMessage = '' } = incoming;
  if (status === 200) return incoming;
  incoming.on('error', () => undefined).resume();
  throw streamError(path, `${status} ${statusMessage}`, status);
}

/** Ends a stream on which nothing has come for longer than a limit. */
class Silence {
  readonly #ended = new AbortController();
  readonly signal = this.#ended.signal;
  readonly #clock: Clock;
  #limitMs: number;
  #heardAtMs: number;
  #cancel: () => void;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#heardAtMs = clock.monotonicMs();
    this.#cancel = this.#look(limitMs);
  }

  /** Looks again when the limit may be over: what comes in between costs a note of the time, and no timer. */
  #look(inMs: number): () => void {
    return this.#clock.after(inMs, () => {
      const leftMs = this.#heardAtMs + this.#limitMs - this.#clock.monotonicMs();
      if (leftMs <= 0) this.#ended.abort();
      else this.#cancel = this.#look(leftMs);
    });
  }

  /** Something has come; from now on the limit is this. */
  limitTo(limitMs: number): void {
    this.#limitMs = limitMs;
    this.broken();
    this.#cancel();
    this.#cancel = this.#look(limitMs);
  }

  broken(): void {
    this.#heardAtMs = this.#clock.monotonicMs();
  }

  end(): void {
    this.#cancel();
  }
}

/** What is no event must not be passed over: the reader would miss a change for ever. */
function eventOf(line: string, path: string, unmanaged = false): WatchEvent {
  const event = parseJson(unmanaged ? withoutManagedFields(line) : line);
  if (typeof event !== 'object' || event === null) throw streamError(path, 'a line is no event');
  return event as WatchEvent;
}

/** An object has at most 1.5 MiB, and the JSON of it a few times that. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** The lines that end in each piece of the stream. Rejects where the stream breaks; a line without an end is none. */
async function* linesOf(incoming: IncomingMessage, path: string): AsyncGenerator<readonly string[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      const endsAt = chunk.lastIndexOf(LINE_FEED);
      const rest = chunk.subarray(endsAt + 1);
      if (endsAt === -1) yield [];
      else {
        yield Buffer.concat([...begun, chunk.subarray(0, endsAt)])
          .toString('utf8')
          .split('\n');
        [begun, begunBytes] = [[], 0];
      }
      begun.push(rest);
      begunBytes += rest.length;
      if (begunBytes > LINE_BYTES_MAX) throw new Error('a line without end');
    }
  } catch (error) {
    throw streamError(path, String(error), 0, error);
  }
}

const watchParams = (query: WatchQuery): string =>
  queryString(query, {
    watch: 'true',
    resourceVersion: query.resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_TIMEOUT_SECONDS),
  });

const streamError = (path: string, what: string, status = 0, cause?: unknown): KubeError =>
  new KubeError(`watch ${path}: ${what}`, { status, cause });
