/**
 * MAX_UNAVAILABLE: how many validators of a group may be down. quorum-margin.ts checks the quorum. Pure.
 *
 *   a validator is …                        | in the budget                      | in the quorum margin
 *   ----------------------------------------|------------------------------------|---------------------
 *   up, or marked uncounted                 |                                    |
 *   suspended, being deleted, unreadable;   |                                    |
 *   without StatefulSet or scaled to 0, and |                                    |
 *   no pod of it is left                    |                                    | down
 *   too large to be read, and not Ready     | down, in all groups of its         | down
 *                                           | namespace                          |
 *   down in any other way                   | down                               | down
 *   known by quorum sets alone              |                                    | down, on private networks
 */
import type { Cluster, Discovery, Group } from '../../../peers/discovery/discover.ts';
import { firstThree } from '../../../peers/lists.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { type Key, namespaceOf, type World } from '../../../peers/world.ts';
import type { QuorumSettings } from '../quorum/quorum-verdict.ts';
import { allReady, type Down, downBecause, UNCOUNTED } from './availability.ts';

/** `MAX_UNAVAILABLE`: a number of validators, or a percentage of those that count. */
interface Limit {
  readonly value: number;
  readonly isPercent: boolean;
}

export interface UnavailabilitySettings extends QuorumSettings {
  readonly maxUnavailable: Limit;
}

/** The validators of a group that are down; made once for each plan. */
export interface Unavailability {
  readonly down: ReadonlyMap<Key, Down>;
  readonly inBudget: ReadonlyMap<Key, Down>;
  readonly counted: number;
}

/** The unavailable validators of one group now. */
export function unavailabilityOf(group: Group, { world, discovery }: Cluster): Unavailability {
  const down = new Map<Key, Down>();
  for (const validator of group.validators) {
    const found = downBecause(world, validator, discovery.statefulSetOf.get(validator.key));
    if (found) down.set(validator.key, found);
  }
  for (const key of unreadDown(group, { world, discovery }))
    down.set(key, { why: 'not Ready, and too large to be read', inBudget: 'always' });
  const isAsked = [...down.values()].some(({ inBudget }) => inBudget === 'while a pod is left');
  const left = isAsked ? withPodsIn(world) : new Set<Key>();
  const counts = (key: Key, { inBudget }: Down) =>
    inBudget === 'while a pod is left' ? left.has(key) : inBudget !== 'never';
  return {
    down,
    inBudget: new Map([...down].filter(([key, each]) => counts(key, each))),
    counted: group.validators.filter(({ budget }) => budget !== UNCOUNTED).length,
  };
}

/** Found once for all groups of a membership: tenants decide how many there are of both. */
const unreadBy = new WeakMap<Discovery, ReadonlyMap<string, readonly Key[]>>();

/**
 * StellarNodes in namespaces of the group that are too large to be read, and not Ready: their network is not known, so they
 * may be of the group. They may be too large only because other tenants have used up the room for what is read.
 */
function unreadDown(group: Group, { world, discovery }: Cluster): Key[] {
  const tooLarge = () =>
    [...discovery.skipped].flatMap(([key, { code }]) => (code === 'TooLargeToRead' ? [key] : []));
  const unread = unreadBy.get(discovery) ?? Map.groupBy(tooLarge(), namespaceOf);
  unreadBy.set(discovery, unread);
  const namespaces = new Set(group.validators.map(({ namespace }) => namespace));
  return [...namespaces]
    .flatMap((namespace) => unread.get(namespace) ?? [])
    .filter((key) => {
      const statefulSet = world.statefulSets.get(key);
      return statefulSet && statefulSet.replicas > 0 && !allReady(world, statefulSet);
    });
}

/** StellarNodes with a pod left, by the names of pods: nothing else shows those of a StatefulSet that is gone. */
const withPodsIn = ({ pods }: World): ReadonlySet<Key> =>
  new Set([...pods.keys()].map((key) => key.replace(/-\d+$/, '')));

/** How many validators may be down at a time; a percentage is rounded down, but to no less than one. */
function allowedDown({ value, isPercent }: Limit, counted: number): number {
  if (!isPercent) return value;
  return value === 0 ? 0 : Math.max(1, Math.floor((counted * value) / 100));
}

/** Why one more validator of the group must not go down; undefined if it may. `node` itself does not count. */
export function unavailableReason(
  node: Key,
  { inBudget: down, counted }: Unavailability,
  { maxUnavailable }: UnavailabilitySettings,
): Reason | undefined {
  const allowed = allowedDown(maxUnavailable, counted);
  const others = down.size - Number(down.has(node));
  if (others + 1 <= allowed) return undefined;
  const named = firstThree(down, ([key]) => key !== node).map(([key, { why }]) => `${key} is ${why}`);
  const shown = others > named.length ? [...named, `${others - named.length} more`] : named;
  const detail = shown.length > 0 ? shown.join(', ') : 'MAX_UNAVAILABLE is 0';
  return reason('WaitingForUnavailable', detail);
}
