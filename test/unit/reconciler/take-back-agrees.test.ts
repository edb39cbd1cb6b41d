/** A bump that has replaced no pod is taken back for exactly the reasons for which it would not be begun. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal, type JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { planGroup } from '../../../reconciler/plan/restarts/rollout.ts';
import { takeBackWhy } from '../../../reconciler/plan/restarts/take-back.ts';
import { at, type Extra, inputOf, NOW_MS, networkWorld, type Spec, setOf } from './group.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** Nothing of it, as a rule. */
const rarely = <T extends object>(...odd: readonly T[]) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constant<Partial<T>>({}) },
    { weight: odd.length, arbitrary: fc.constantFrom(...odd) },
  );
const annotated = (key: string, value: string) => ({ [`stellar.org/peer-${key}`]: value });
const updatedBy = (updateStrategy: object) => ({ spec: { updateStrategy } });

const node = fc
  .tuple(
    rarely<object>({ suspended: true }, { maintenanceMode: true }),
    rarely<Record<string, string>>(
      ...[annotated('budget', 'uncounted'), annotated('budget', 'odd'), annotated('rollout', 'paused')],
      ...[annotated('roll-for', 'odd'), annotated('injection', 'disabled')],
    ),
    fc.constantFrom(0, 51, 51, 51, 67, 100),
  )
  .map(([spec, annotations, percent]) => {
    const validatorConfig = percent === 0 ? {} : { quorumSet: setOf(NAMES, percent) };
    return { annotations: annotations as Record<string, string>, spec: { ...spec, validatorConfig } };
  });
const spec: fc.Arbitrary<Spec> = fc.record({
  node,
  knows: fc.constantFrom(['a'], ['b', 'c'], NAMES, []),
  pod: rarely<object>(
    { ready: false },
    { deletionTimestamp: at(1) },
    { injected: false },
    { revision: 'r0' },
  ),
  statefulSet: rarely<object>(
    ...[
      updatedBy({ type: 'OnDelete' }),
      updatedBy({ type: 'RollingUpdate', rollingUpdate: { partition: 1 } }),
    ],
    ...[{ status: { updateRevision: 'r2' } }, { ownerUid: 'a-stranger' }],
  ),
});
const pdb = (disruptionsAllowed: number) => ({
  metadata: { name: 'pdb', namespace: 'stellar', uid: 'pdb', generation: 1 },
  spec: { selector: { matchLabels: { 'stellar.org/node-type': 'Validator' } } },
  status: { observedGeneration: 1, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed },
});
const extra: fc.Arbitrary<Extra> = fc.record({
  namespace: rarely<object>({ deletionTimestamp: at(1) }, { labels: annotated('injection', 'disabled') }),
  pdbs: fc.constantFrom([], [], [], [pdb(0)], [pdb(1)]),
});

/** The same World a moment later: the validator is bumped, but no cache shows the bump yet. */
function bumped(world: World, group: string, key: string): { world: World; entry: JournalEntry } | undefined {
  const set = world.statefulSets.get(key);
  const pods = [...world.pods.values()].filter(({ ownerUid }) => ownerUid === set?.uid);
  if (!set || pods.length !== set.replicas || pods.some(({ deleting }) => deleting)) return undefined;
  const entry: JournalEntry = {
    ...{ statefulSet: key, kind: 'bump', token: 'hash.digest', drift: 'short', atMs: NOW_MS },
    uids: pods.map(({ uid }) => uid),
  };
  const data = { [group]: formatJournal([entry], NOW_MS) };
  const next = { ...set, restartToken: entry.token, generation: set.generation + 1 };
  const statefulSets = new Map(world.statefulSets).set(key, next);
  const journal = readConfigMap({ metadata: { name: 'stellar-peers-restarts' }, data });
  return { world: { ...world, statefulSets, journal }, entry };
}

/** Reasons that the bump itself causes, and reasons that only tell whose turn it is. */
const NOT_ASKED = new Set(['Unsettled', 'Queued']);

it('a bump is taken back exactly for the reasons for which it would not be begun', () => {
  const specs = fc.tuple(spec, spec, spec, spec);
  fc.assert(
    fc.property(specs, extra, fc.constantFrom(...NAMES), ([a, b, c, d], others, name) => {
      const world = networkWorld({ a, b, c, d }, others);
      const { group, input } = inputOf(world, { settings: { adoptExisting: true } });
      const plan = planGroup(group, input);
      const key = `stellar/${name}`;
      const after = bumped(world, group.key, key);
      if (!after) return;
      const why = takeBackWhy(
        { group: group.key, entry: after.entry },
        inputOf(after.world, { settings: { adoptExisting: true } }).input,
        0,
      );
      const held = plan.holds.get(key)?.code;
      if (plan.restart?.statefulSet === key && plan.restart.kind === 'bump') assert.equal(why, undefined);
      else if (held && !NOT_ASKED.has(held)) {
        const isUp = world.pods.get(`${key}-0`)?.ready;
        assert.equal(why, isUp ? held : 'NotAllReady');
      }
    }),
    { numRuns: 1_000 },
  );
});
