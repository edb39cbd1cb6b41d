/**
 * Lists, then watches, for ever: for the stand-in operator and the watchers of tests. Separate from the product's own
 * reflector, so that neither can hide the other's mistakes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kube, KubeObject, ListQuery } from '../../runtime/kube/port.ts';
import type { Resource } from '../../runtime/kube/resources.ts';

interface Follower {
  put(object: KubeObject): void;
  remove(object: KubeObject): void;
}

const RETRY_MS = 200;

/** Feeds `follower` until `signal` aborts. After a gap, also reports the objects that were deleted meanwhile. */
export async function follow(
  source: { kube: Kube; resource: Resource; query?: ListQuery },
  follower: Follower,
  signal: AbortSignal,
): Promise<void> {
  const { kube, resource, query = {} } = source;
  const known = new Map<string, KubeObject>();
  const put = (object: KubeObject) => {
    known.set(object.metadata.uid ?? '', object);
    follower.put(object);
  };
  const remove = (object: KubeObject) => {
    if (known.delete(object.metadata.uid ?? '')) follower.remove(object);
  };
  const listAndWatch = async () => {
    const list = await kube.list(resource, query);
    const present = new Set(list.items.map((object) => object.metadata.uid));
    for (const object of [...known.values()]) if (!present.has(object.metadata.uid)) remove(object);
    for (const object of list.items) put(object);
    await kube.watch(
      resource,
      { ...query, resourceVersion: list.resourceVersion },
      ({ type, object }) => {
        if (type === 'ADDED' || type === 'MODIFIED') put(object);
        if (type === 'DELETED') remove(object);
      },
      signal,
    );
  };
  while (!signal.aborted) {
    await listAndWatch().catch(() => delay(RETRY_MS));
  }
}
