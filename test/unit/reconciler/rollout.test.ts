import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { at, type Extra, NOW_MS, networkWorld, planOf, restartOf, type Spec, stamp } from './group.ts';

const ANNOTATION = 'stellar.org/peer-rollout';

describe('a network at rest', () => {
  it('restarts no validator', () => {
    const plan = planOf(networkWorld({ a: {}, b: {}, c: {} }));
    assert.deepEqual([plan.restart, plan.holds], [undefined, {}]);
  });

  it('restarts no validator for a peer that was suspended, left, or came back to pods that knew it', () => {
    const three = { a: {}, b: {}, c: {} };
    const suspended = { ...three, c: { node: { spec: { suspended: true } }, pod: 'none' } } satisfies Record<
      string,
      Spec
    >;
    assert.equal(planOf(networkWorld(suspended)).restart, undefined);
    assert.equal(
      planOf(networkWorld({ a: { knows: ['b', 'c'] }, b: { knows: ['a', 'c'] } })).restart,
      undefined,
    );
    assert.equal(planOf(networkWorld(three)).restart, undefined);
  });

  it('restarts no validator for a view that is smaller or has other peers', () => {
    const plan = planOf(networkWorld({ a: {}, b: {}, c: {}, d: {} }, { maxPeers: 1 }));
    assert.deepEqual([plan.restart, plan.holds], [undefined, {}]);
  });

  it('restarts no validator for a peer that never ran', () => {
    const world = networkWorld({ a: { knows: ['b'] }, b: { knows: ['a'] }, c: { pod: 'none' } });
    assert.equal(planOf(world).restart, undefined);
  });
});

describe('a fourth validator that joins three', () => {
  const joined = (change: Readonly<Record<string, Spec>> = {}, extra: Extra = {}) =>
    networkWorld(
      { a: { knows: ['b', 'c'] }, b: { knows: ['a', 'c'] }, c: { knows: ['a', 'b'] }, d: {}, ...change },
      extra,
    );

  it('rolls the three one by one, in order of names', () => {
    const plan = planOf(joined());
    assert.equal(plan.restart, 'bump a');
    assert.deepEqual(plan.holds, { b: 'Queued', c: 'Queued' });
  });

  it('rolls no validator while another validator is down that is expected up', () => {
    const down: Readonly<Record<string, Spec>> = {
      notReady: { pod: { ready: false } },
      deleting: { pod: { deletionTimestamp: at(1) } },
      failedWithItsLastCondition: { pod: { phase: 'Failed' } },
      missing: { pod: 'none' },
      rolling: { statefulSet: { status: { updateRevision: 'r2' } } },
      unobserved: { statefulSet: { status: { observedGeneration: 0 } } },
      maintenance: { node: { spec: { maintenanceMode: true } } },
    };
    for (const [name, spec] of Object.entries(down)) {
      const plan = planOf(joined({ d: {}, e: { ...spec, knows: ['a', 'b', 'c', 'd'] } }));
      assert.equal(plan.restart, undefined, name);
      assert.equal(plan.holds.a, 'WaitingForUnavailable', name);
    }
  });

  it('waits until all others have been Ready for MIN_READY_SECONDS, and says when to look again', () => {
    const plan = planOf(joined({ d: { pod: { readyAt: at(100) } } }));
    assert.equal(plan.restart, undefined);
    assert.deepEqual(plan.holds, {
      a: 'WaitingForMinReady',
      b: 'WaitingForMinReady',
      c: 'WaitingForMinReady',
    });
    assert.equal(plan.recheckInMs, 200_000);
    assert.equal(planOf(joined({ d: { pod: { readyAt: at(301) } } })).restart, 'bump a');
  });

  it('waits after a clock jump rather than restart early', () => {
    assert.equal(planOf(joined(), { nowMs: Date.parse('2025-12-31T00:00:00Z') }).restart, undefined);
  });

  it('waits while all, the namespace or the validator is paused; an unknown value also holds', () => {
    const cases: ReadonlyArray<readonly [Extra, Record<string, Spec>, string]> = [
      [{ ownAnnotations: { [ANNOTATION]: 'paused' } }, {}, 'Paused'],
      [{ ownAnnotations: { [ANNOTATION]: 'Recreate' } }, {}, 'UnknownStrategy'],
      [{ ownAnnotations: 'missing' }, {}, 'PauseUnknown'],
      [{ namespace: { annotations: { [ANNOTATION]: 'paused' } } }, {}, 'Paused'],
      [
        {},
        { a: { knows: ['b', 'c'], node: { annotations: { [ANNOTATION]: 'Paused' } } } },
        'UnknownStrategy',
      ],
    ];
    for (const [extra, specs, code] of cases) {
      const plan = planOf(joined(specs, extra));
      assert.equal(plan.holds.a, code);
      assert.notEqual(plan.restart, 'bump a');
    }
  });

  it('leaves alone a StatefulSet that its owner rolls in another way, and a pod that can never be Ready', () => {
    const cases: ReadonlyArray<readonly [Spec, string]> = [
      [{ statefulSet: { spec: { updateStrategy: { type: 'OnDelete' } } } }, 'OnDelete'],
      [{ statefulSet: { spec: { updateStrategy: { rollingUpdate: { partition: 1 } } } } }, 'Partitioned'],
      [{ statefulSet: { status: { observedGeneration: 0 } } }, 'Unsettled'],
      [{ node: { spec: { maintenanceMode: true } } }, 'Maintenance'],
      [{ pod: { ready: false } }, 'CatchingUp'],
    ];
    for (const [spec, code] of cases) {
      const plan = planOf(joined({ a: { knows: ['b', 'c'], ...spec } }));
      assert.equal(plan.holds.a, code);
    }
  });

  it('respects PodDisruptionBudgets, except the one that the operator generated for the validator', () => {
    const pdb = (owner: string | undefined, status: Record<string, number>) => ({
      metadata: {
        name: 'pdb',
        namespace: 'stellar',
        uid: 'pdb',
        generation: 1,
        ownerReferences: owner ? [{ kind: 'StellarNode', uid: owner, controller: true }] : [],
      },
      spec: { selector: { matchLabels: { 'app.kubernetes.io/instance': 'a' } } },
      status: { observedGeneration: 1, expectedPods: 1, desiredHealthy: 1, disruptionsAllowed: 0, ...status },
    });
    const holdOf = (each: ReturnType<typeof pdb>) => planOf(joined({}, { pdbs: [each] })).holds.a;
    assert.equal(holdOf(pdb('node-a', {})), undefined, 'generated, and can never allow any');
    assert.equal(holdOf(pdb(undefined, {})), 'PdbForbids', 'a person means what it says');
    assert.equal(holdOf(pdb('node-a', { desiredHealthy: 0 })), 'PdbForbids', 'generated, but spent');
    const allowing = { expectedPods: 2, disruptionsAllowed: 1 };
    assert.equal(holdOf(pdb(undefined, allowing)), undefined);
    assert.equal(holdOf(pdb(undefined, { ...allowing, observedGeneration: 0 })), 'PdbForbids', 'stale');
  });

  /** What holds `a` under a budget over five that lets `spare` be down, of which one, `z`, is of another network. */
  const heldBy = (spare: number, z: Spec, { kind = '', says = spare, expectedPods = 5 } = {}) => {
    const pdb = {
      metadata: { name: 'pdb', namespace: 'stellar', uid: 'pdb', generation: 1 },
      spec: { selector: { matchLabels: { 'stellar.org/node-type': 'Validator' } } },
      status: {
        ...{ observedGeneration: 1, expectedPods, disruptionsAllowed: says },
        desiredHealthy: expectedPods - spare,
      },
    };
    const open = { statefulSet: 'stellar/z', kind, uids: ['pod-z'], token: 't', drift: 'short' };
    const restarts = kind === '' ? [] : [{ ...open, at: new Date(NOW_MS - 1_000).toISOString() }];
    const extra = { pdbs: [pdb], journal: { testnet: JSON.stringify({ restarts }) } };
    return planOf(joined({ z: { node: { spec: { network: 'testnet' } }, ...z } }, extra)).holds.a;
  };

  it('counts, for a PodDisruptionBudget of several networks, the pod that a restart in another network takes down', () => {
    const holdOf = (spare: number, z: Spec) => heldBy(spare, z, { kind: 'bump' });
    assert.equal(holdOf(1, {}), 'PdbForbids');
    assert.equal(holdOf(2, {}), undefined);
    assert.equal(holdOf(1, { pod: { uid: 'the-next' } }), undefined, 'it is back');
    assert.equal(
      holdOf(1, { pod: 'none' }),
      'PdbForbids',
      'the status leaves out a StatefulSet without pods',
    );
  });

  it('counts, for a PodDisruptionBudget, pods that are down even if its status does not show them yet', () => {
    const down = { pod: { uid: 'the-next', ready: false } };
    for (const kind of ['bump', '']) {
      assert.equal(heldBy(1, down, { kind }), 'PdbForbids');
      assert.equal(heldBy(2, down, { kind, says: 1 }), undefined, 'it counts once');
      assert.equal(
        heldBy(2, { pod: { ready: false } }, { kind, says: 1 }),
        undefined,
        'so does a former one',
      );
    }
    const gone = { statefulSet: { spec: { replicas: 0 } }, pod: { ready: false } };
    assert.equal(heldBy(1, gone), undefined, 'its StatefulSet wants it no more');
  });

  it('does not count, for a PodDisruptionBudget, pods as missing that its label keeps from our caches', () => {
    const template = { metadata: { labels: { 'stellar.org/node-type': 'Other' } } };
    const pdbs = [
      {
        metadata: { name: 'pdb', namespace: 'stellar', uid: 'pdb', generation: 1 },
        spec: { selector: {} },
        status: { observedGeneration: 1, expectedPods: 5, disruptionsAllowed: 1, desiredHealthy: 4 },
      },
    ];
    const z: Spec = {
      node: { spec: { network: 'testnet' } },
      statefulSet: { spec: { template } },
      pod: 'none',
    };
    assert.equal(planOf(joined({ z }, { pdbs })).holds.a, undefined);
  });

  it('counts, for a PodDisruptionBudget, a pod that is missing, unless its status has left it out', () => {
    assert.equal(heldBy(1, { pod: 'none' }), 'PdbForbids');
    assert.equal(heldBy(2, { pod: 'none' }, { says: 1 }), undefined, 'it counts once');
    assert.equal(heldBy(1, { pod: 'none' }, { expectedPods: 3 }), undefined, 'the budget is of the others');
  });

  it('waits while the journal has an open restart, and stops on one that cannot be read', () => {
    const open = restartOf('b');
    const { group } = planOf(joined());
    const journal = (text: string) => planOf(joined({}, { journal: { [group]: text } }));
    assert.equal(journal(formatJournal([open], NOW_MS)).holds.a, 'InFlight');
    assert.equal(
      journal(formatJournal([{ ...open, outcome: 'done', endedAtMs: NOW_MS }], NOW_MS)).restart,
      'bump a',
    );
    for (const text of ['', '{', '{}', '{"restarts":[{}]}', '{"restarts":[3]}']) {
      assert.equal(journal(text).holds.a, 'JournalUnreadable', text);
    }
  });

  it('gives the same token for the same pods, and another token for the next pods', () => {
    const next = joined({ a: { knows: ['b', 'c'], pod: { uid: 'another' } } });
    assert.equal(planOf(joined()).token, planOf(joined()).token);
    assert.notEqual(planOf(joined()).token, planOf(next).token);
  });
});

describe('a pod that was not injected', () => {
  const bare: Spec = { pod: { injected: false, annotations: {}, createdAt: at(1000) } };
  const codeOf = (spec: Spec, extra: Extra = {}, settings = {}) => {
    const plan = planOf(networkWorld({ a: spec, b: {}, c: {} }, extra), { settings });
    return plan.restart ?? plan.holds.a;
  };

  it('is repaired if it is younger than the webhook', () => {
    assert.equal(codeOf(bare), 'bump a');
  });

  it('counts as not injected even if its template brought our annotations along', () => {
    assert.equal(codeOf({ pod: { ...(bare.pod as object), annotations: stamp(['b', 'c']) } }), 'bump a');
  });

  it('awaits adoption if it is older, until a person adopts it', () => {
    const newer = { webhookCreatedAt: at(1000) };
    assert.equal(codeOf(bare, newer), 'AwaitingAdoption');
    assert.equal(codeOf(bare, newer, { adoptExisting: true }), 'bump a');
    const adopted = { ...bare, node: { annotations: { 'stellar.org/peer-adopt': 'now' } } };
    assert.equal(codeOf(adopted, newer), 'bump a');
    const namespace = { annotations: { 'stellar.org/peer-adopt': 'now' } };
    assert.equal(codeOf(bare, { ...newer, namespace }), 'bump a');
  });

  it('is left alone if admission would not inject its next pod', () => {
    assert.equal(
      codeOf({ ...bare, node: { annotations: { 'stellar.org/peer-injection': 'disabled' } } }),
      'OptedOut',
    );
    assert.equal(
      codeOf(bare, { namespace: { labels: { 'stellar.org/peer-injection': 'disabled' } } }),
      'OptedOut',
    );
    assert.equal(
      codeOf({ ...bare, statefulSet: { annotations: { 'stellar.org/peer-injection': 'disabled' } } }),
      'OptedOut',
    );
    assert.equal(codeOf(bare, { webhookCreatedAt: 'missing' }), 'WebhookMissing');
  });

  it('is deleted if it is not Ready, once it is old enough', () => {
    const notReady = (seconds: number): Spec => ({
      pod: { injected: false, ready: false, annotations: {}, createdAt: at(seconds) },
    });
    assert.equal(codeOf(notReady(1000)), 'delete a');
    assert.equal(codeOf(notReady(59)), 'TooYoung');
  });

  it('is not deleted for a probe that has just failed, but once it has been down for as long', () => {
    const world = networkWorld({
      a: { pod: { injected: false, ready: false, annotations: {}, createdAt: at(86_400) } },
      ...{ b: {}, c: {} },
    });
    const downFor = (ms: number) => planOf(world, { downForMs: () => ms });
    assert.deepEqual([downFor(59_000).holds.a, downFor(59_000).recheckInMs], ['TooYoung', 1_000]);
    assert.equal(downFor(60_000).restart, 'delete a');
  });

  it('is not deleted while its stellar-core is Ready and only another container or its kubelet is down', () => {
    const down = { ready: false, coreReady: true };
    const bare: Spec = { pod: { ...down, injected: false, annotations: {} } };
    const alone: Spec = { pod: { ...down, annotations: stamp([]) } };
    for (const each of [bare, alone]) assert.equal(codeOf(each), 'NotAllReady');
  });
});

describe('a pod that knows no live peer', () => {
  const lonely = (spec: Spec = {}, network = {}) =>
    networkWorld({ a: { knows: [], ...spec, node: { spec: network } }, b: { node: { spec: network } } });

  it('is deleted although it never became Ready, because without peers of a private network it never can', () => {
    assert.equal(planOf(lonely({ pod: { ready: false, annotations: stamp([]) } })).restart, 'delete a');
  });

  it('is left alone on a public network, where it may be catching up', () => {
    const world = lonely({ pod: { ready: false, annotations: stamp([]) } }, { network: 'testnet' });
    const plan = planOf(world, { settings: { rollFor: 'missing' } });
    assert.deepEqual([plan.restart, plan.holds], [undefined, { a: 'CatchingUp' }]);
  });

  it('is rolled by its template if it is Ready', () => {
    assert.equal(planOf(lonely()).restart, 'bump a');
  });

  it('is not isolated as long as one of its peers ran within ten minutes', () => {
    const specs = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => [name, { pod: { ready: false } } as Spec]),
    );
    const peers = ['p', 'q', 'r', 's', 't', 'u', 'v', 'w'];
    const away = Object.fromEntries(peers.map((name) => [name, { pod: 'none' } as Spec]));
    const world = networkWorld({
      ...specs,
      ...away,
      a: { knows: peers, pod: { ready: false, annotations: stamp(peers) } },
    });
    assert.equal(planOf(world).restart, 'delete a');
    assert.equal(planOf(world, { wasLive: ['p'] }).restart, undefined);
  });

  it('is left alone if it was scheduled after the view was published, because it mounted this view', () => {
    const scheduledAt = new Date(NOW_MS + 4000).toISOString();
    assert.equal(planOf(lonely({ pod: { annotations: stamp([]), scheduledAt } })).restart, undefined);
  });
});

describe('whatever the state of the world', () => {
  const spec = fc.record({
    knows: fc.subarray(['a', 'b', 'c', 'd']),
    injected: fc.boolean(),
    ready: fc.boolean(),
    readyAgo: fc.nat({ max: 1000 }),
    suspended: fc.boolean(),
    maintenance: fc.boolean(),
    rolling: fc.boolean(),
    paused: fc.option(fc.constantFrom('paused', 'Signal', 'x'), { nil: undefined }),
  });

  it('at most one validator of a group is restarted, and a Ready one only while all others are up', () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 4 }), (drawn) => {
        const specs = drawn.map((each, index): [string, Spec] => [
          'abcd'.charAt(index),
          {
            knows: each.knows,
            node: {
              spec: { suspended: each.suspended, maintenanceMode: each.maintenance },
              annotations: each.paused === undefined ? {} : { [ANNOTATION]: each.paused },
            },
            statefulSet: { status: { updateRevision: each.rolling ? 'r2' : 'r1' } },
            pod: {
              injected: each.injected,
              ready: each.ready,
              readyAt: at(each.readyAgo),
              annotations: each.injected ? stamp(each.knows) : {},
            },
          },
        ]);
        const { restart } = planOf(networkWorld(Object.fromEntries(specs)));
        if (!restart) return;
        const [kind = '', name = ''] = restart.split(' ');
        const index = 'abcd'.indexOf(name);
        const own = drawn[index];
        const others = drawn.filter((_, other) => other !== index);
        assert.ok(own && own.paused === undefined && !own.maintenance && !own.suspended);
        if (kind === 'delete') assert.ok(!own.ready);
        else {
          assert.ok(own.ready && !own.rolling);
          for (const other of others) {
            if (other.suspended) continue;
            assert.ok(other.ready && !other.maintenance && !other.rolling);
            assert.ok(other.readyAgo >= 300);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
