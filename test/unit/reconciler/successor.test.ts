/** If the next pod would not be injected, a restart gains nothing. So the validator is not restarted, whatever it lacks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { at, type Extra, NOW_MS, networkWorld, planOf, restartOf, type Spec, stamp } from './group.ts';

const DISABLED = { 'stellar.org/peer-injection': 'disabled' };
const TAKEN = { metadata: { name: 'stellar-peers' } };

/** What keeps the next pod of `a` from being injected, and how that is told. */
const OPT_OUTS: Readonly<Record<string, { spec?: Spec; extra?: Extra; code: string }>> = {
  'its StellarNode opts out': { spec: { node: { annotations: DISABLED } }, code: 'OptedOut' },
  'its Namespace opts out': { extra: { namespace: { labels: DISABLED } }, code: 'OptedOut' },
  'its pod template opts out': { spec: { statefulSet: { annotations: DISABLED } }, code: 'OptedOut' },
  'a claim of the template takes the name of our volume': {
    spec: { statefulSet: { spec: { volumeClaimTemplates: [TAKEN] } } },
    code: 'NotInjectable',
  },
  'the annotations of the template leave no room': {
    spec: { statefulSet: { annotations: { note: 'x'.repeat(262_000) } } },
    code: 'NotInjectable',
  },
  'its Namespace is being deleted': {
    extra: { namespace: { deletionTimestamp: at(1) } },
    code: 'NamespaceTerminating',
  },
  'the webhook configuration is gone': { extra: { webhookCreatedAt: 'missing' }, code: 'WebhookMissing' },
};

/** Three that know each other, to which a fourth has come. */
const joined = (a: Spec, extra: Extra = {}): World =>
  networkWorld(
    {
      a: { knows: ['b', 'c'], ...a },
      b: { knows: ['a', 'c', 'd'] },
      c: { knows: ['a', 'b', 'd'] },
      d: {},
    },
    extra,
  );

/** An administrator lets the webhook select other namespaces only. */
const narrowed = (world: World): World => ({
  ...world,
  webhook: world.webhook && {
    ...world.webhook,
    entries: world.webhook.entries.map((entry) => ({
      ...entry,
      namespaceSelector: { matchLabels: { selected: 'yes' }, matchExpressions: [] },
    })),
  },
});

describe('an injected validator whose next pod would not be injected', () => {
  for (const [name, { spec = {}, extra = {}, code }] of Object.entries(OPT_OUTS)) {
    it(`is not restarted for more peers if ${name}`, () => {
      const { restart, holds } = planOf(joined(spec, extra));
      assert.deepEqual([restart, holds.a], [undefined, code]);
    });

    it(`is not replaced while it is down and knows no peer if ${name}`, () => {
      const pod = { ready: false, annotations: stamp([]) };
      const { restart, holds } = planOf(joined({ ...spec, knows: [], pod }, extra));
      assert.deepEqual([restart, holds.a], [undefined, code]);
    });
  }

  it('is not restarted if the webhook does not select its namespace any more', () => {
    const { restart, holds } = planOf(narrowed(joined({})));
    assert.deepEqual([restart, holds.a], [undefined, 'NotSelected']);
  });

  it('has no reason to wait while it lacks no peer', () => {
    const world = networkWorld({ a: {}, b: {} }, { namespace: { labels: DISABLED } });
    assert.deepEqual(planOf(world).holds, {});
  });
});

describe('a pod that came back bare from our restart', () => {
  const entry = restartOf('a', { uids: ['x'], outcome: 'notInjected', endedAtMs: NOW_MS, after: ['pod-a'] });
  const bare = { injected: false, annotations: {}, createdAt: at(1_000) };
  const holdOf = (a: Spec) => {
    const specs = { a, b: { knows: ['c'] }, c: {}, d: {} };
    const { group } = planOf(networkWorld(specs));
    const journal = { [group]: formatJournal([entry], NOW_MS) };
    const { restart, holds, details } = planOf(networkWorld(specs, { journal }));
    if (holds.b === 'NotInjected') assert.equal(details.b, 'stellar/a-0');
    return restart ?? holds.b;
  };

  it('stops its group, for whatever reason its own validator waits', () => {
    const states: Readonly<Record<string, Spec>> = {
      ready: { pod: bare },
      down: { pod: { ...bare, ready: false } },
      paused: { pod: bare, node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } },
      maintained: { pod: bare, node: { spec: { maintenanceMode: true } } },
      suspended: { pod: bare, node: { spec: { suspended: true } } },
      leaving: { pod: { ...bare, deletionTimestamp: at(1) } },
      older: { pod: { ...bare, createdAt: '2024-01-01T00:00:00Z' } },
    };
    for (const [name, a] of Object.entries(states)) assert.equal(holdOf(a), 'NotInjected', name);
  });

  it('does not stop its group once the pod is injected or gone, or once the next pod would not be injected', () => {
    assert.equal(holdOf({}), 'bump b');
    assert.notEqual(holdOf({ pod: 'none' }), 'NotInjected');
    assert.equal(holdOf({ pod: bare, node: { annotations: DISABLED } }), 'bump b');
    assert.equal(holdOf({ pod: bare, statefulSet: { annotations: DISABLED } }), 'bump b');
  });
});
