/**
 * Watches over the client's own Watch: granted or refused in time, never cut for being quiet, never swallowing an error.
 */
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Watch } from '@kubernetes/client-node/dist/watch.js';
import { KubeError, type KubeObject, type WatchEvent, type WatchQuery } from './kube.ts';
import { collectionPath, type Resource } from './resources.ts';

/** A quiet watch is cut after this: the server sends a bookmark about every minute. */
const WATCH_SILENCE_MS = 90_000;
const WATCH_TIMEOUT_SECONDS = 600;

interface WatchTarget {
  readonly config: KubeConfig;
  readonly resource: Resource;
  readonly query: WatchQuery;
  /** How long the server may take to grant or refuse it. */
  readonly timeoutMs: number;
  /** Told when it is granted. */
  readonly onSuccess: (() => void) | undefined;
}

/** Streams to `onEvent` as Kube.watch promises. */
export async function runWatch(
  { config, resource, query, timeoutMs, onSuccess }: WatchTarget,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const watch = new Watch(config);
  // The client reads this anew whenever it starts its timer: first for the server's grant, then for each silence. Its own
  // 30 s would cut every quiet watch between two bookmarks.
  const limitsMs = [Math.max(timeoutMs, query.patienceMs ?? 0)];
  Object.defineProperty(watch, 'requestTimeoutMs', { get: () => limitsMs.shift() ?? WATCH_SILENCE_MS });
  const path = collectionPath(resource, query.namespace);
  const done = Promise.withResolvers<void>();
  let failed = false;
  const take = (type: string, object: KubeObject) => {
    if (signal.aborted) return;
    try {
      onEvent({ type, object });
    } catch (error) {
      // The client would swallow it, and the reader would miss an event for ever.
      done.reject(error);
    }
  };
  const end = (error: unknown) => {
    failed = true;
    if (error) done.reject(watchError(path, error));
    else done.resolve();
  };
  const controller = await watch.watch(path, watchParams(query), take, end);
  const abort = () => {
    controller.abort();
    done.resolve();
  };
  if (!failed) {
    onSuccess?.();
    query.onOpened?.();
  }
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  await done.promise.finally(() => {
    signal.removeEventListener('abort', abort);
    controller.abort();
  });
}

const watchParams = ({ resourceVersion, labelSelector, fieldSelector }: WatchQuery) => ({
  resourceVersion,
  allowWatchBookmarks: true,
  timeoutSeconds: WATCH_TIMEOUT_SECONDS,
  labelSelector,
  fieldSelector,
});

function watchError(path: string, cause: unknown): KubeError {
  const status = (cause as { statusCode?: number }).statusCode ?? 0;
  return new KubeError(`watch ${path}: ${String(cause)}`, { status, cause });
}
