/**
 * Remembers since when each validator's published list has named each of its peers. A list has one date, that of its last
 * change, so a network that changes often would put off for ever what is counted from there. The memory can only delay a
 * restart: a peer that was not seen in the list before counts as listed since the list was published.
 */
import { nodeKeys } from '../../../peers/names.ts';
import { type PublishedView, publishedView } from '../../../peers/views/views.ts';
import type { Key, Validator, World } from '../../../peers/world.ts';

/** Since when the list of `node` has named one of these peers, wall-clock ms; Infinity if that is not known. */
export type ListedSince = (node: Key, digests: readonly string[]) => number;

interface Listed {
  /** The published record that this was read from. */
  readonly text: string;
  /** By digest, wall-clock ms since the epoch. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

export class ListedMemory {
  #lists: ReadonlyMap<Key, Listed> = new Map();

  /** Remembers the lists of all validators, and forgets those of validators that are gone. */
  observe(world: Pick<World, 'nodes' | 'configMaps'>): void {
    const lists = new Map<Key, Listed>();
    for (const [key, reading] of world.nodes) {
      const last = this.#lists.get(key);
      const now = reading.kind === 'validator' ? listOf(reading.validator, world, last) : last;
      if (now) lists.set(key, now);
    }
    this.#lists = lists;
  }

  readonly sinceMs: ListedSince = (node, digests) => {
    const dates = this.#lists.get(node)?.sinceMs;
    return digests.reduce(
      (least, digest) => Math.min(least, dates?.get(digest) ?? Number.POSITIVE_INFINITY),
      Number.POSITIVE_INFINITY,
    );
  };
}

/** The list as it stands there now; the last one if none does. */
function listOf(
  { namespace, name }: Validator,
  { configMaps }: Pick<World, 'configMaps'>,
  last: Listed | undefined,
): Listed | undefined {
  const configMap = configMaps.get(namespace);
  const text = configMap?.data[nodeKeys(name).view];
  if (text === undefined || text === last?.text) return last;
  const published = publishedView(configMap, name);
  return published ? { text, sinceMs: datesOf(published, last) } : last;
}

const datesOf = ({ digests, publishedAtMs }: PublishedView, last: Listed | undefined) =>
  new Map(digests.map((digest) => [digest, last?.sinceMs.get(digest) ?? publishedAtMs]));
