/**
 * Watches: granted or refused in time, never cut for being quiet, never swallowing an error. Owns how a stream becomes
 * events; the client's own Watch reads it through several layers, which cost more than what the events cause.
 */
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parseJson } from '../peers/field.ts';
import { KubeError, type WatchEvent, type WatchQuery } from './kube.ts';
import { openRequest } from './kube-request.ts';
import { withoutManagedFields } from './managed-fields.ts';
import { collectionPath, type Resource } from './resources.ts';

/** A quiet watch is cut after this: the server sends a bookmark about every minute. */
const WATCH_SILENCE_MS = 90_000;
const WATCH_TIMEOUT_SECONDS = 600;
/** By how much a change may be seen later, at most, where nothing but noise came before it. */
const LULL_MS = 50;
const LINE_FEED = 10;

interface WatchTarget {
  readonly config: KubeConfig;
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
  onEvent: (event: WatchEvent) => unknown,
  signal: AbortSignal,
): Promise<void> {
  const { query, timeoutMs } = target;
  const path = `${collectionPath(target.resource, query.namespace)}?${watchParams(query)}`;
  const silence = new Silence(Math.max(timeoutMs, query.patienceMs ?? 0));
  try {
    const incoming = await open(target, path, AbortSignal.any([signal, silence.signal]));
    silence.limitTo(WATCH_SILENCE_MS);
    target.onSuccess?.();
    query.onOpened?.();
    const lull = new Lull(incoming);
    await eachLine(incoming, {
      path,
      onLine: (line) =>
        signal.aborted || onEvent(eventOf(query.unmanaged ? withoutManagedFields(line) : line, path)),
      onRead: (isNews) => {
        silence.broken();
        if (!isNews) lull.begin();
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
  const incoming = await openRequest(config, { method: 'GET', path }, { userAgent, signal, stream: true });
  const { statusCode: status = 0, statusMessage = '' } = incoming;
  if (status === 200) return incoming;
  incoming.on('error', () => undefined).resume();
  throw streamError(path, `${status} ${statusMessage}`, status);
}

/** Ends a stream on which nothing has come for longer than a limit. */
class Silence {
  readonly #ended = new AbortController();
  readonly signal = this.#ended.signal;
  #timer: NodeJS.Timeout;

  constructor(limitMs: number) {
    this.#timer = this.#start(limitMs);
  }

  #start(limitMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#ended.abort(), limitMs).unref();
  }

  limitTo(limitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start(limitMs);
  }

  broken(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Times in which a stream that says nothing new is not read: what comes meanwhile is read at once after it. A process
 * that is woken for each event alone pays several times as much for it.
 */
class Lull {
  readonly #incoming: IncomingMessage;
  #isOn = false;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
  }

  begin(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    // Not at once: the stream asks its socket for more as soon as this piece was read.
    setImmediate(() => {
      this.#incoming.pause();
      this.#incoming.socket.pause();
      // All streams of the process begin again at the same moments, so that it is woken once for all of them.
      setTimeout(() => this.#end(), LULL_MS - (performance.now() % LULL_MS));
    });
  }

  #end(): void {
    this.#isOn = false;
    this.#incoming.resume();
    this.#incoming.socket.resume();
  }
}

/** What is no event must not be passed over: the reader would miss a change for ever. */
function eventOf(line: string, path: string): WatchEvent {
  const event = parseJson(line);
  if (typeof event !== 'object' || event === null) throw streamError(path, 'a line is no event');
  return event as WatchEvent;
}

interface LineReader {
  readonly path: string;
  /** Returns false where the line said nothing new. */
  readonly onLine: (line: string) => unknown;
  /** Told after each piece of the stream whether there was anything new in it; a piece of a line may be. */
  readonly onRead: (isNews: boolean) => void;
}

/** Resolves when the stream has ended; rejects where it broke, or with what a reader throws. A line without an end is none. */
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
      if (startedAt < chunk.length) begun.push(chunk.subarray(startedAt));
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

/** What came of a line before, which is then used up, and its end. */
function textOf(begun: Buffer[], end: Buffer): string {
  if (begun.length === 0) return end.toString('utf8');
  const whole = Buffer.concat([...begun, end]);
  begun.length = 0;
  return whole.toString('utf8');
}

function watchParams({ resourceVersion, labelSelector, fieldSelector }: WatchQuery): string {
  const params = new URLSearchParams({
    watch: 'true',
    resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_TIMEOUT_SECONDS),
  });
  if (labelSelector !== undefined) params.set('labelSelector', labelSelector);
  if (fieldSelector !== undefined) params.set('fieldSelector', fieldSelector);
  return params.toString();
}

const streamError = (path: string, what: string, status = 0, cause?: unknown): KubeError =>
  new KubeError(`watch ${path}: ${what}`, { status, cause });
