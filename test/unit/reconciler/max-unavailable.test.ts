/** How much of a group may be down: MAX_UNAVAILABLE, and the quorum below it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lightNode } from '../../../peers/read/light.ts';
import type { RolloutSettings } from '../../../reconciler/plan/restarts/rollout.ts';
import { pod, type Raw, worldWith } from '../world.ts';
import { at, networkParts, networkWorld, planOf, type Spec, setOf } from './group.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

/** A network of `count` of which the first knows only the second, each with the quorum set that `set` gives. */
function group(
  count: number,
  set: (name: string) => string | undefined,
  change: Readonly<Record<string, Spec>> = {},
): Record<string, Spec> {
  const names = NAMES.slice(0, count);
  return Object.fromEntries(
    names.map((name) => {
      const quorumSet = set(name);
      const knows = name === 'a' ? ['b'] : undefined;
      const { node, ...rest } = change[name] ?? {};
      const spec = { ...node?.spec, ...(quorumSet === undefined ? {} : { validatorConfig: { quorumSet } }) };
      return [name, { ...(knows ? { knows } : {}), ...rest, node: { ...node, spec } }];
    }),
  );
}

const flat = (count: number, percent: number) => () => setOf(NAMES.slice(0, count), percent);
const plan = (specs: Record<string, Spec>, settings: Partial<RolloutSettings> = {}) =>
  planOf(networkWorld(specs), { settings });
const suspended: Spec = { node: { spec: { suspended: true } }, pod: 'none' };
const down: Spec = { pod: { ready: false, readyAt: at(1_000) } };

describe('the quorum margin', () => {
  it('keeps three validators that need all three standing, and rolls three that need two', () => {
    const held = plan(group(3, flat(3, 67)));
    assert.deepEqual([held.restart, held.holds.a], [undefined, 'QuorumMargin']);
    assert.match(held.details.a ?? '', /can spare 0\b/);
    assert.equal(plan(group(3, flat(3, 66))).restart, 'bump a');
    assert.equal(plan(group(4, flat(4, 67))).restart, 'bump a');
  });

  it('follows the strictest quorum set of the group', () => {
    const strict = (name: string) => setOf(NAMES.slice(0, 4), name === 'c' ? 100 : 51);
    assert.equal(plan(group(4, strict)).holds.a, 'QuorumMargin');
  });

  it('counts validators that are down already, including suspended ones', () => {
    // Four at 67 % bear one down, seven two.
    assert.equal(plan(group(4, flat(4, 67), { c: suspended })).holds.a, 'QuorumMargin');
    assert.equal(plan(group(7, flat(7, 67), { c: suspended })).restart, 'bump a');
    const two = { maxUnavailable: { value: 2, isPercent: false } };
    assert.equal(plan(group(7, flat(7, 67), { c: down, d: suspended }), two).holds.a, 'QuorumMargin');
  });

  it('does not replace the budget', () => {
    assert.equal(plan(group(7, flat(7, 67), { c: down })).holds.a, 'WaitingForUnavailable');
  });

  it('does not apply to a validator that is marked uncounted', () => {
    const uncounted: Spec = { ...down, node: { annotations: { 'stellar.org/peer-budget': 'uncounted' } } };
    assert.equal(plan(group(4, flat(4, 67), { c: uncounted })).restart, 'bump a');
  });

  it('that is unknown is reported on a private network, and holds no restart', () => {
    for (const text of [undefined, 'not TOML [', '[QUORUM_SET]\nVALIDATORS=[]']) {
      const unread = (name: string) => (name === 'b' ? text : setOf(NAMES.slice(0, 4), 67));
      const found = plan(group(4, unread));
      assert.deepEqual([found.restart, found.remarks], ['bump a', { a: 'QuorumUnknown' }]);
      assert.equal(plan(group(4, unread, { c: suspended })).holds.a, 'QuorumMargin', 'by the others');
    }
  });

  it('is only reported with QUORUM_CHECK=warn, and not computed with off', () => {
    const three = group(3, flat(3, 67));
    const warned = plan(three, { quorumCheck: 'warn' });
    assert.deepEqual([warned.restart, warned.remarks], ['bump a', { a: 'QuorumMargin' }]);
    const off = plan(three, { quorumCheck: 'off' });
    assert.deepEqual([off.restart, off.remarks], ['bump a', {}]);
  });
});

describe('MAX_UNAVAILABLE', () => {
  const limits = (value: number, isPercent: boolean) => ({ maxUnavailable: { value, isPercent } });
  const unread = () => undefined;

  it('as a number allows that many validators down, including the one to be restarted', () => {
    const oneDown = group(5, unread, { c: down });
    assert.equal(plan(oneDown, limits(2, false)).restart, 'bump a');
    assert.equal(plan(group(5, unread, { c: down, d: down }), limits(2, false)).restart, undefined);
    assert.match(plan(group(5, unread), limits(0, false)).details.a ?? '', /MAX_UNAVAILABLE is 0/);
  });

  it('as a percentage is rounded down, to no less than one', () => {
    const cases: ReadonlyArray<readonly [percent: number, down: number, allowed: boolean]> = [
      [20, 1, true],
      [19, 1, false],
      [19, 0, true],
      [1, 0, true],
      [0, 0, false],
      [100, 4, true],
    ];
    for (const [percent, count, allowed] of cases) {
      const change = Object.fromEntries(NAMES.slice(2, 2 + count).map((name) => [name, down]));
      const found = plan(group(10, unread, change), limits(percent, true));
      assert.equal(found.restart !== undefined, allowed, `${percent} % with ${count} down`);
    }
  });

  it('as a percentage refers to the validators that count', () => {
    const uncounted: Spec = { node: { annotations: { 'stellar.org/peer-budget': 'uncounted' } } };
    const change = { c: down, d: uncounted, e: uncounted, f: uncounted };
    assert.equal(plan(group(10, unread, change), limits(25, true)).restart, undefined);
    assert.equal(plan(group(10, unread, { c: down }), limits(25, true)).restart, 'bump a');
  });
});

describe('an unknown value of stellar.org/peer-budget', () => {
  it('holds that validator, and counts it like any other', () => {
    const odd: Spec = { node: { annotations: { 'stellar.org/peer-budget': 'Uncounted' } } };
    const oddOnly = group(4, () => undefined, { a: { ...odd, knows: ['b', 'c'] } });
    assert.equal(plan(oddOnly).holds.a, 'UnknownBudget');
    assert.equal(
      plan(group(4, () => undefined, { c: { ...odd, ...down } })).holds.a,
      'WaitingForUnavailable',
    );
  });
});

describe('a validator whose StatefulSet is gone, or wants no pod any more', () => {
  const NONE = { spec: { replicas: 0 }, status: { replicas: 0 } };
  const ENDING = { deletionTimestamp: at(1) };
  /** What `a` waits for while one pod of `e` is left. */
  const held = (start: number, set: 'gone' | 'of none', pods: readonly Raw[]) => {
    const statefulSet = set === 'gone' ? 'none' : { ...NONE, spec: { ...NONE.spec, ordinals: { start } } };
    const e: Spec = { statefulSet, pod: 'none' };
    const parts = networkParts({ a: { knows: ['b'] }, b: {}, c: {}, d: {}, e });
    const { restart, holds } = planOf(worldWith({ ...parts, pods: [...(parts.pods ?? []), ...pods] }));
    return restart ?? holds.a;
  };
  const podOf = (name: string, options = {}): Raw => {
    const raw = pod('e', options);
    return { ...raw, metadata: { ...raw.metadata, name } };
  };

  it('counts in the budget while one of its pods exists, whatever ordinal is the first', () => {
    for (const start of [0, 1, 100]) {
      assert.equal(held(start, 'gone', [podOf(`e-${start}`)]), 'WaitingForUnavailable', `${start}`);
      assert.equal(held(start, 'of none', [podOf(`e-${start}`, ENDING)]), 'WaitingForUnavailable');
      assert.equal(held(start, 'of none', [podOf(`e-${start + 1}`, ENDING)]), 'WaitingForUnavailable');
    }
  });

  it('does not count in the budget once all its pods are gone, even if a pod with another name exists', () => {
    for (const set of ['gone', 'of none'] as const) {
      assert.equal(held(1, set, []), 'bump a');
      assert.equal(held(1, set, [podOf('e-1-0'), podOf('ee-0'), podOf('e-x')]), 'bump a');
    }
  });
});

describe('a StellarNode that is too large to be read', () => {
  const planWith = (change: Readonly<Record<string, Spec>>) => {
    const world = networkWorld(group(4, () => undefined, change));
    const raw = { metadata: { name: 'c', namespace: 'stellar', uid: 'uid-c' } };
    const light = lightNode(raw, 'more than 8 MiB in its namespace');
    return planOf({ ...world, nodes: new Map(world.nodes).set('stellar/c', light) });
  };

  it('uses up the budget of its namespace while it is not Ready, because tenants can make us skip objects', () => {
    const { restart, holds, details } = planWith({ c: down });
    assert.deepEqual([restart, holds.a], [undefined, 'WaitingForUnavailable']);
    assert.match(details.a ?? '', /stellar\/c is not Ready, and too large to be read/);
  });

  it('holds no restart while it is Ready', () => {
    assert.equal(planWith({}).restart, 'bump a');
  });
});
