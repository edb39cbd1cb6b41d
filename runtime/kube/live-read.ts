/**
 * The World read afresh from the API server, past every cache: what a restart is decided on last.
 */
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
  /** resourceVersion of an object as it was read. */
  version(ref: ObjectRef): string | undefined;
}

/** A dozen lists must all succeed: where a third of all requests fails, hardly ever would they at the first try. */
const ATTEMPTS_MAX = 4;
const RETRY_MS = 100;
/** What was read first is old by the time that the last of it came: a restart is not decided on that. */
const READS_MS_MAX = 4_000;

/**
 * Lists what is watched in `scope`, once. Rejects with KubeError if any of it cannot be read. With a clock it is read to
 * decide on a restart: without Services, which say nothing to that; a list that fails in passing is tried again, and
 * all of it must be there within 4 s, or is given up at once.
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
  // Once a part of it failed, nothing more is read.
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

/** Says whether what was read first is too old by now. */
function deadlineOf(clock: Clock | undefined): () => boolean {
  const startedAtMs = clock?.monotonicMs() ?? 0;
  return () => clock !== undefined && clock.monotonicMs() - startedAtMs > READS_MS_MAX;
}

/** One object as it is kept: the rest of it goes with the page that it came on. */
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
