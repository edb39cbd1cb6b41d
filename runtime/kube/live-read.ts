/** Reads the World from the API server, without the caches. This is the last check before a restart. */
import type { World } from '../../peers/world.ts';
import type { Clock } from '../clock.ts';
import { inParallel } from '../parallel.ts';
import { isPassing, type Kube, KubeError, type KubeObject } from './port.ts';
import { type ObjectRef, objectPath, Services } from './resources.ts';
import { Room } from './room.ts';
import {
  createStores,
  namedSources,
  type Scope,
  validatorSources,
  type WatchedKind,
  worldOf,
} from './sources.ts';

export interface LiveWorld {
  readonly world: World;
  version(ref: ObjectRef): string | undefined;
}

/** A dozen lists must all succeed. If a third of all requests fails, that hardly ever happens at the first try. */
const ATTEMPTS_MAX = 4;
const RETRY_MS = 100;
/** The most time from the first to the last read, because a restart must not be decided on old data. */
const READS_MS_MAX = 4_000;

/**
 * Lists all watched kinds in `scope` once. Rejects with KubeError if a list fails. Pass a clock for a decision on a restart:
 * then Services are left out, because they do not matter for it, a passing failure is tried again, and the read rejects
 * after 4 s.
 */
export async function readWorldLive(
  kube: Kube,
  scope: Scope,
  clock?: Clock,
  room = new Room(),
): Promise<LiveWorld> {
  const stores = createStores();
  const versions = new Map<string, string>();
  const isLate = deadlineOf(clock);
  // Stop reading as soon as one list has failed.
  const failed = new AbortController();
  const goOn = () => {
    failed.signal.throwIfAborted();
    if (isLate())
      throw new KubeError('reading everything afresh took too long to decide on it', { status: 0 });
  };
  const list = listWith(kube, clock, isLate);
  const read = async ({ queries, ...source }: WatchedKind<unknown>) => {
    await inParallel(queries, async (query) => {
      goOn();
      const { items } = await list(source.resource, query, (object) => {
        goOn();
        return readOf(source, room, object);
      });
      for (const { key, facts, path, version } of items) {
        source.store.set(key, facts);
        versions.set(path, version);
      }
    });
  };
  const sources = [...validatorSources(scope, stores), ...namedSources(scope, stores)];
  const wanted = sources.filter(({ resource }) => !clock || resource !== Services);
  const readings = wanted.map(read);
  for (const each of readings) each.catch((error: unknown) => failed.abort(error));
  await Promise.all(readings);
  goOn();
  return { world: worldOf(stores), version: (ref) => versions.get(objectPath(ref)) };
}

/** Returns a function that is true once the first read is too old. */
function deadlineOf(clock: Clock | undefined): () => boolean {
  const startedAtMs = clock?.monotonicMs() ?? 0;
  return () => clock !== undefined && clock.monotonicMs() - startedAtMs > READS_MS_MAX;
}

/** The parts of an object to keep. The rest of its page can then be freed. */
function readOf(source: Omit<WatchedKind<unknown>, 'queries'>, room: Room, object: KubeObject) {
  const { resource, keyOf } = source;
  const { name, namespace, resourceVersion: version = '' } = object.metadata;
  const path = objectPath({ resource, namespace, name });
  return { key: keyOf(object), facts: room.keep(source, object), path, version };
}

const listWith =
  (kube: Kube, clock: Clock | undefined, isLate: () => boolean): Kube['list'] =>
  async (resource, query, read) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await kube.list(resource, query, read);
      } catch (error) {
        if (!clock || attempt === ATTEMPTS_MAX || isLate() || !isPassing(error)) throw error;
        await clock.sleep(clock.jitter(RETRY_MS * attempt));
      }
    }
  };
