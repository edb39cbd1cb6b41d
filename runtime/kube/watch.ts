/**
 * Runs one watch and turns its stream into events. The API server must grant or refuse the watch in time, and every error
 * is reported. The client library's own Watch is not used, because its layers cost more time than the events.
 */
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parseJson } from '../../peers/field.ts';
import { withoutManagedFields } from '../../peers/read/managed-fields.ts';
import type { Clock } from '../clock.ts';
import type { Notifier } from '../notifier.ts';
import { KubeError, type WatchEvent, type WatchQuery } from './port.ts';
import type { ReadThrottle } from './read-throttle.ts';
import { openRequest, queryString } from './request.ts';
import { collectionPath, type Resource } from './resources.ts';

/** A watch without any data for this long is ended: the server sends a bookmark about every minute. */
const WATCH_SILENCE_MS = 90_000;
const WATCH_TIMEOUT_SECONDS = 600;
const LINE_FEED = 10;

interface WatchTarget {
  readonly config: KubeConfig;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly query: WatchQuery;
  readonly userAgent: string;
  readonly readThrottle: ReadThrottle;
  /** How long the server may take to grant or refuse the watch. */
  readonly timeoutMs: number;
  /** Notified when the watch is granted. */
  readonly outage?: Pick<Notifier, 'notify'>;
}

/** Streams to `onEvent` as Kube.watch promises. */
export async function runWatch(
  target: WatchTarget,
  onEvent: (event: WatchEvent) => unknown,
  signal: AbortSignal,
): Promise<void> {
  const { clock, query, timeoutMs } = target;
  const path = `${collectionPath(target.resource, query.namespace)}?${watchParams(query)}`;
  const silence = new Silence(clock, Math.max(timeoutMs, query.patienceMs ?? 0));
  try {
    const incoming = await open(target, path, AbortSignal.any([signal, silence.signal]));
    silence.limitMs = WATCH_SILENCE_MS;
    silence.restart();
    target.outage?.notify();
    query.onOpened?.();
    await eachLine(incoming, {
      path,
      onLine: (line) =>
        signal.aborted || onEvent(eventOf(query.unmanaged ? withoutManagedFields(line) : line, path)),
      onRead: (isNews) => {
        silence.restart();
        if (!isNews) target.readThrottle.begin(incoming);
      },
    });
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

/** Ends a stream on which no data has arrived for longer than a limit. */
class Silence {
  readonly #ended = new AbortController();
  readonly signal = this.#ended.signal;
  readonly #clock: Clock;
  limitMs: number;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.limitMs = limitMs;
    this.restart();
  }

  /** Call when data has arrived. */
  restart(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(this.limitMs, () => this.#ended.abort());
  }

  end(): void {
    this.#cancel();
  }
}

/** The event in a line. Throws for any other text: if it were ignored, a change could be missed for ever. */
function eventOf(line: string, path: string): WatchEvent {
  const event = parseJson(line);
  if (typeof event !== 'object' || event === null) throw streamError(path, 'a line is no event');
  return event as WatchEvent;
}

interface LineReader {
  readonly path: string;
  /** Returns false if the line contained nothing new. */
  readonly onLine: (line: string) => unknown;
  /** Called after each chunk, with true if the chunk contained, or may contain, anything new. */
  readonly onRead: (isNews: boolean) => void;
}

/** Resolves when the stream has ended. Rejects if it breaks, or if a callback throws. Ignores an unfinished last line. */
function eachLine(incoming: IncomingMessage, { path, onLine, onRead }: LineReader): Promise<void> {
  return new Promise((resolve, reject) => {
    const begun: Buffer[] = [];
    const take = (chunk: Buffer) => {
      let startedAt = 0;
      let isNews = false;
      for (;;) {
        const endsAt = chunk.indexOf(LINE_FEED, startedAt);
        if (endsAt === -1) break;
        if (onLine(textOf(begun, chunk.subarray(startedAt, endsAt))) !== false) isNews = true;
        startedAt = endsAt + 1;
      }
      if (startedAt < chunk.length) keep(begun, chunk.subarray(startedAt), path);
      onRead(isNews || begun.length > 0);
    };
    incoming.on('data', (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        reject(error);
        incoming.destroy();
      }
    });
    incoming.on('error', (error) => reject(streamError(path, String(error), 0, error)));
    incoming.on('close', resolve);
  });
}

/** The longest line. An object has at most 1.5 MiB, and its JSON may be a few times longer. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Keeps a piece of a line. Throws if the line gets too long. */
function keep(begun: Buffer[], piece: Buffer, path: string): void {
  begun.push(piece);
  if (begun.reduce((sum, { length }) => sum + length, 0) <= LINE_BYTES_MAX) return;
  throw streamError(path, 'a line without end');
}

/** The whole line: the pieces in `begun`, which becomes empty, and `end`. */
function textOf(begun: Buffer[], end: Buffer): string {
  if (begun.length === 0) return end.toString('utf8');
  const whole = Buffer.concat([...begun, end]);
  begun.length = 0;
  return whole.toString('utf8');
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
