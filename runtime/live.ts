/**
 * The World read afresh from the API server, past every cache: what a restart is decided on last.
 */
import type { World } from '../peers/world.ts';
import type { Clock } from './clock.ts';
import { isPassing, type Kube, KubeError, type KubeObject } from './kube.ts';
import { type ObjectRef, objectPath } from './resources.ts';
import { createStores, namedSources, type Scope, type Source, validatorSources, worldOf } from './sources.ts';

export interface LiveWorld {
  readonly world: World;
  /** resourceVersion of an object as it was read. */
  version(ref: ObjectRef): string | undefined;
}

/** A dozen lists must all succeed: where a third of all requests fails, hardly ever would they at the first try. */
const ATTEMPTS_MAX = 4;
const RETRY_MS = 100;
/** What was read first is old by the time that the last of it came: a restart is not decided on that. */
const READS_MS_MAX = 4_000;

/**
 * Lists everything that is watched, once; with a clock, a list that fails in passing is tried again. Rejects with
 * KubeError if any of it cannot be read, or not within 4 s.
 */
export async function readLive(kube: Kube, scope: Scope, clock?: Clock): Promise<LiveWorld> {
  const stores = createStores();
  const versions = new Map<string, string>();
  const sources = [...validatorSources(scope, stores), ...namedSources(scope, stores)];
  const startedAtMs = clock?.monotonicMs() ?? 0;
  const list = listWith(kube, clock);
  const read = async (source: Source<unknown>) => {
    for (const query of source.queries) {
      const { items } = await list(source.resource, query, (object) => readOf(source, object));
      for (const { key, facts, path, version } of items) {
        source.store.set(key, facts);
        versions.set(path, version);
      }
    }
  };
  await Promise.all(sources.map(read));
  if (clock && clock.monotonicMs() - startedAtMs > READS_MS_MAX) {
    throw new KubeError('reading everything afresh took too long to decide on it', { status: 0 });
  }
  return { world: worldOf(stores), version: (ref) => versions.get(objectPath(ref)) };
}

/** One object as it is kept: the rest of it goes with the page that it came on. */
function readOf({ resource, keyOf, project }: Source<unknown>, object: KubeObject) {
  const { name, namespace, resourceVersion: version = '' } = object.metadata;
  const path = objectPath({ resource, namespace, name });
  return { key: keyOf(object), facts: project(object), path, version };
}

const listWith =
  (kube: Kube, clock: Clock | undefined): Kube['list'] =>
  async (resource, query, read) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await kube.list(resource, query, read);
      } catch (error) {
        if (!clock || attempt === ATTEMPTS_MAX || !isPassing(error)) throw error;
        await clock.sleep(clock.jitter(RETRY_MS * attempt));
      }
    }
  };
