/** Links are two-way: a validator dials each peer in its list, whatever the peer's own list says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MergeOutcome } from '../../../peers/injection/merge-outcome.ts';
import type { World } from '../../../peers/world.ts';
import {
  digest,
  type Extra,
  networkWorld,
  type PlanOptions,
  planOf as planIn,
  type Spec,
  stamp,
  withPod,
  withShown,
} from './group.ts';

/** None of these validators has a quorum set. */
const planOf = (world: World, asked: PlanOptions = {}) =>
  planIn(world, { ...asked, settings: { quorumUnknown: 'warn', ...asked.settings } });

const PUBLIC = { spec: { network: 'testnet', customNetworkPassphrase: undefined } };
const PRIVATE = {};
const ANNOTATION = 'stellar.org/peer-roll-for';

/** `d` joins `a`, `b` and `c`, which started without it. */
function joined(
  node: NonNullable<Spec['node']>,
  change: Readonly<Record<string, Spec>> = {},
  extra: Extra = {},
): World {
  const specs = {
    a: { knows: ['b', 'c'], ...change.a },
    b: { knows: ['a', 'c'], ...change.b },
    c: { knows: ['a', 'b'], ...change.c },
    d: { ...change.d },
  };
  const all = Object.entries(specs).map(([name, spec]) => [
    name,
    { ...spec, node: { ...spec.node, spec: { ...node.spec, ...spec.node?.spec } } },
  ]);
  return networkWorld(Object.fromEntries(all), extra);
}

/** `d` runs, started without peers, and no validator names `d`. */
const DEAF = { d: { knows: [] } };

describe('a fourth validator that joins three', () => {
  it('restarts none of the three on a public network, because it dials them itself', () => {
    const { restart, holds } = planOf(joined(PUBLIC));
    assert.deepEqual([restart, holds], [undefined, {}]);
  });

  it('restarts them as ROLL_FOR says, on public and private networks', () => {
    const restartBy = (
      rollFor: 'auto' | 'unlinked' | 'missing' | 'all',
      on: typeof PUBLIC | typeof PRIVATE,
    ) => planOf(joined(on), { settings: { rollFor } }).restart;
    for (const on of [PUBLIC, PRIVATE]) {
      assert.equal(restartBy('unlinked', on), undefined);
      assert.equal(restartBy('missing', on), 'bump a');
      assert.equal(restartBy('all', on), 'bump a');
    }
  });

  it('restarts validators that know ROLL_BELOW peers only with ROLL_FOR=all', () => {
    const restartBy = (rollFor: 'missing' | 'all') =>
      planOf(joined(PRIVATE), { settings: { rollFor, rollBelow: 2 } }).restart;
    assert.deepEqual([restartBy('missing'), restartBy('all')], [undefined, 'bump a']);
  });
});

describe('a peer that neither end knows', () => {
  it('is a reason to restart on a public network; the validator that knows no peer is restarted first', () => {
    assert.equal(planOf(joined(PUBLIC, DEAF)).restart, 'bump d');
    const { restart } = planOf(joined(PUBLIC, { ...DEAF, d: { ...DEAF.d, pod: { ready: false } } }));
    assert.equal(restart, undefined, 'a validator that may be catching up is left alone');
  });

  it('is no reason to restart a validator that is linked to ROLL_BELOW others', () => {
    assert.equal(
      planOf(joined(PUBLIC, { d: { knows: ['a'] } }), { settings: { rollBelow: 1 } }).restart,
      undefined,
    );
  });

  /** The World where the pod of `d` has this outcome of the merge. */
  const saying = (code: MergeOutcome['code'], world = joined(PUBLIC)): World =>
    withPod(world, 'd', { mergeOutcome: { code, detail: '' } });
  const restartWhere = (code: MergeOutcome['code']) => planOf(saying(code)).restart;

  it('is a reason if the other end lists the peer, but the configuration of that end takes no peers', () => {
    assert.equal(restartWhere('BothTaken'), 'bump a');
  });

  it('is no reason if the other end dials, but prefers other peers and may drop the connection', () => {
    assert.equal(restartWhere('PeersIgnored'), undefined);
  });

  it('is no reason if the other end drops peers that it does not prefer, even if a port shows no connection', () => {
    const deaf = planOf(saying('PeersIgnored', joined(PUBLIC, DEAF)));
    assert.deepEqual([deaf.restart, deaf.holds], [undefined, { d: 'PeersIgnored' }]);
    const rolled = planOf(saying('PeersIgnored', joined(PRIVATE)));
    assert.deepEqual([rolled.restart, rolled.holds], [undefined, {}]);
    const shown = withShown(saying('PeersIgnored'), { 'pod-a': { apart: [digest('d')] } });
    assert.equal(planOf(shown).restart, undefined);
    const { restart } = planOf(saying('PeersIgnored', joined(PRIVATE)), { settings: { rollFor: 'all' } });
    assert.equal(restart, 'bump a', 'all asks for exact lists');
  });

  it('is no reason while the peer does not run, or while the pod that lists it is being replaced', () => {
    const pending = planOf(joined(PUBLIC, { d: { knows: ['a', 'b', 'c'], pod: { phase: 'Pending' } } }));
    assert.deepEqual([pending.restart, pending.holds], [undefined, {}]);
    const lone = networkWorld({
      a: { knows: [], node: PUBLIC },
      b: { node: PUBLIC, pod: 'none' },
      c: { node: PUBLIC },
    });
    assert.equal(planOf(lone, { settings: { rollBelow: 1 }, wasLive: ['b'] }).restart, undefined);
  });
});

describe('a peer that left', () => {
  /** `c` left: the other pods still know `c`, which is not published any more. */
  const left = (change: Readonly<Record<string, Spec>> = {}, extra: Extra = {}) =>
    networkWorld({ a: { knows: ['b', 'c'] }, b: { knows: ['a', 'c'] }, ...change }, extra);
  const by = (rollFor: 'unlinked' | 'missing' | 'all', world: World = left()) => {
    const { restart, holds } = planOf(world, { settings: { rollFor } });
    return [restart, holds];
  };

  it('is a reason to restart under `all`, and under no other rule', () => {
    assert.deepEqual(by('all'), ['bump a', { b: 'Queued' }]);
    assert.deepEqual(by('missing'), [undefined, {}]);
    assert.deepEqual(by('unlinked'), [undefined, {}]);
  });

  it('is a reason under `all` also if the peer is suspended, because lists no longer name it', () => {
    const suspended: Spec = { node: { spec: { suspended: true } }, pod: 'none' };
    assert.deepEqual(by('all', left({ c: suspended })), ['bump a', { b: 'Queued' }]);
  });

  it('never makes a pod that is not Ready be deleted', () => {
    const world = left({ a: { knows: ['c'], pod: { ready: false, annotations: stamp(['b', 'c']) } } });
    assert.deepEqual(by('all', world)[0], undefined);
  });

  it('is no reason if the list is empty: a restart would give the validator no peer', () => {
    assert.deepEqual(by('all', networkWorld({ a: { knows: ['c'] } })), [undefined, {}]);
  });

  it('is no reason if no list is published, or the published list cannot be read', () => {
    assert.equal(by('all', left({}, { unpublished: ['a', 'b'] }))[0], undefined);
    const world = left();
    const configMap = world.configMaps.get('stellar');
    assert.ok(configMap);
    const data = { ...configMap.data, 'a.view.json': '{"hash":"x","peers":"v2:"}', 'b.view.json': '' };
    const configMaps = new Map(world.configMaps).set('stellar', { ...configMap, data });
    assert.equal(by('all', { ...world, configMaps })[0], undefined);
  });

  it('is not known to have left while a StellarNode of its network cannot be read', () => {
    const unreadable = (spec: Record<string, unknown>): Spec => ({ node: { spec }, pod: 'none' });
    assert.equal(by('all', left({ c: unreadable({ replicas: -1 }) }))[0], undefined);
    assert.equal(by('all', left({ c: unreadable({ network: 7 }) }))[0], undefined);
    const other = { network: 'custom', customNetworkPassphrase: 'another', replicas: -1 };
    assert.equal(by('all', left({ x: unreadable(other) }))[0], 'bump a', 'one of another network is not it');
  });

  it('has not left if it only got no place in the list', () => {
    const world = networkWorld({ a: {}, b: {}, c: {}, d: {} }, { maxPeers: 1 });
    assert.deepEqual(by('all', world), [undefined, {}]);
  });
});

describe('stellar.org/peer-roll-for', () => {
  const on = (value: string) => ({ annotations: { [ANNOTATION]: value } });
  const settings = { maxUnavailable: { value: 4, isPercent: false }, quorumCheck: 'off' } as const;

  it('sets the rule for a namespace or one validator; the nearest object wins', () => {
    const namespace = { namespace: on('missing') };
    assert.equal(planOf(joined(PUBLIC, {}, namespace)).restart, 'bump a');
    const own = { a: { node: on('unlinked') }, b: { node: on('auto') } };
    assert.equal(planOf(joined(PUBLIC, own, namespace)).restart, 'bump c');
  });

  it('holds a validator with an unknown value, and holds no other validator', () => {
    const { restart, holds, details } = planOf(joined(PRIVATE, { a: { node: on('linked') } }), { settings });
    assert.deepEqual([restart, holds.a], ['bump b', 'UnknownRollFor']);
    assert.equal(details.a, 'StellarNode stellar/a: linked');
    const everywhere = planOf(joined(PUBLIC, { a: { node: on('missing') } }, { namespace: on('') }));
    assert.deepEqual([everywhere.restart, everywhere.holds.a], [undefined, 'UnknownRollFor']);
  });
});
