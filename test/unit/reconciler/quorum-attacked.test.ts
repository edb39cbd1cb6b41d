/** Cases in which a restart would have cost a quorum, or was refused to the one that needed it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readQuorumSet } from '../../../peers/core/quorum-set.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { QuorumMargins } from '../../../reconciler/plan/quorum/quorum-margin.ts';
import { automaticText, publicKey } from '../peers/quorum-texts.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, networkWorld, planOf, type Spec, withShown } from './group.ts';

const PRIVATE = { network: 'custom', customNetworkPassphrase: 'test net' };
const PUBLIC = { network: 'testnet', customNetworkPassphrase: undefined };

interface Given {
  readonly set?: string;
  readonly namespace?: string;
  readonly network?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  readonly meta?: Record<string, unknown>;
  readonly ready?: boolean;
  readonly gone?: boolean;
}
function marginOf(given: Readonly<Record<string, Given>>, name: string, extra: Partial<Parts> = {}) {
  const [nodes, statefulSets, pods]: [Raw[], Raw[], Raw[]] = [[], [], []];
  for (const [each, g] of Object.entries(given)) {
    const namespace = g.namespace ?? 'one';
    const validatorConfig = { quorumSet: g.set, ...g.config };
    nodes.push(
      node(each, { namespace, ...g.meta, spec: { ...(g.network ?? PUBLIC), validatorConfig, ...g.spec } }),
    );
    if (g.gone) continue;
    statefulSets.push(statefulSet(each, { namespace }));
    pods.push(pod(each, { namespace, ready: g.ready ?? true }));
  }
  const world = worldWith({ nodes, statefulSets, pods, ...extra });
  const found = [...world.nodes.values()].find((r) => r.kind === 'validator' && r.validator.name === name);
  assert.ok(found?.kind === 'validator');
  return new QuorumMargins(found.validator.network.id, { world, discovery: discover(world, DISCOVERY) }).of(
    found.validator,
  );
}

describe('home domains of one, all in one namespace of testnet', () => {
  // Four MEDIUM domains, threshold 4 - 1 = 3: one may be down.
  const names = ['a', 'b', 'c', 'd'];
  const setFor = (home: string) =>
    automaticText(
      names.map((name) => ({ name, quality: 'MEDIUM', listed: name === home ? 0 : 1 })),
      home,
    );
  const spec = (home: string, change: Spec = {}): Spec => ({
    ...change,
    node: {
      ...change.node,
      spec: { ...PUBLIC, validatorConfig: { quorumSet: setFor(home) }, ...change.node?.spec },
    },
  });
  const world = (c: Spec) =>
    networkWorld({
      a: spec('a', { knows: ['b'] }),
      b: spec('b'),
      c: spec('c', c),
      d: spec('d', { knows: ['b'] }),
    });
  it('lets the first be restarted while all are up', () =>
    assert.equal(planOf(world({ knows: ['b'] })).restart, 'bump a'));
  it('holds it while one is suspended', () => {
    const plan = planOf(
      world({
        node: { spec: { suspended: true } },
        pod: 'none',
        statefulSet: { spec: { replicas: 0 }, status: { replicas: 0 } },
      }),
    );
    assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'QuorumMargin']);
  });
  it('holds it while one is without StatefulSet', () => {
    const plan = planOf(world({ pod: 'none', statefulSet: 'none' }));
    assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'QuorumMargin']);
  });
  it('holds it while one is down, whatever MAX_UNAVAILABLE allows', () => {
    const plan = planOf(world({ pod: { ready: false } }), {
      settings: { maxUnavailable: { value: 2, isPercent: false } },
    });
    assert.deepEqual([plan.restart, plan.holds.a], [undefined, 'QuorumMargin']);
  });
});

describe('a member of my home domain in another namespace', () => {
  const DOMAINS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const set = automaticText(
    DOMAINS.map((name) => ({ name, quality: 'HIGH', listed: name === 'a' ? 2 : 3 })),
    'a',
  );
  const left = (a2: Given) => marginOf({ a1: { set }, a2: { set, namespace: 'two', ...a2 } }, 'a1').left;
  it('counts as down where it is not Ready', () => assert.equal(left({ ready: false }), 0));
  it('counts as down where it is suspended', () => assert.equal(left({ spec: { suspended: true } }), 0));
  it('counts as down while it is deleted', () =>
    assert.equal(left({ meta: { deletionTimestamp: '2026-05-31T00:00:00Z' }, gone: true }), 0));
  it('counts as down where its peer port cannot be read', () =>
    assert.equal(left({ config: { peerPort: 'x' }, gone: true }), 0));
  it('counts as down where its quorum set cannot be read but for its home domain', () =>
    assert.equal(left({ set: set.replace('QUALITY = "HIGH"', 'QUALITY = "HIGHEST"'), ready: false }), 0));
  it('counts as down where a list replaces its quorum set', () =>
    assert.equal(left({ config: { vlSource: 'https://x.example' }, ready: false }), 0));
});

describe('an isolated validator whose port is open', () => {
  const four: Readonly<Record<string, Spec>> = Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((name) => [
      name,
      {
        ...(name === 'a' ? { knows: [] } : { knows: ['b', 'c', 'd'].filter((x) => x !== name) }),
        node: {
          spec: {
            ...PUBLIC,
            validatorConfig: {
              quorumSet: `[QUORUM_SET]\nTHRESHOLD_PERCENT=67\nVALIDATORS=${JSON.stringify([0, 1, 2, 3].map(publicKey))}\n`,
            },
          },
        },
      },
    ]),
  );
  it('is restarted', () => assert.equal(planOf(networkWorld(four)).restart, 'bump a'));
  it('is restarted although it says that nothing more may fail, since it hears no validator', () => {
    const plan = planOf(
      withShown(networkWorld(four), { 'pod-a': { state: { synced: false, failAt: 0, missing: 3 } } }),
    );
    assert.deepEqual([plan.restart, plan.holds.a], ['bump a', undefined]);
  });
  it('is restarted although others say that one more failure stops them, since they miss it', () => {
    const plan = planOf(
      withShown(networkWorld(four), {
        'pod-a': { state: { synced: false } },
        'pod-b': { state: { synced: true, failAt: 1, missing: 1 } },
      }),
    );
    assert.deepEqual([plan.restart, plan.holds.a], ['bump a', undefined]);
  });
});

describe('sets by hand that do not name the node itself', () => {
  // a, b, c of a private network, and one more elsewhere: two of the three others must agree.
  const KEYS = [0, 1, 2, 3].map(publicKey);
  const setOf = (keys: readonly unknown[]) =>
    `[QUORUM_SET]\nTHRESHOLD_PERCENT=66\nVALIDATORS=${JSON.stringify(keys)}\n`;
  const marginWith = (set: (own: string) => string, extra: Partial<Parts> = {}) => {
    const of = (index: number): Given => ({ set: set(publicKey(index)), network: PRIVATE });
    return marginOf({ a: of(0), b: of(1), c: of(2) }, 'a', extra);
  };
  const others = (own: string) => setOf(KEYS.filter((key) => key !== own));

  it('miss the one that is elsewhere, though there are as many validators here as each names', () => {
    // With a down, b would hear c alone.
    const { absent, left } = marginWith(others);
    assert.deepEqual([absent, left], [1, 0]);
  });

  it('miss none once that one is listed as external', () => {
    const external = { 'custom-51e6281607074a4c': 'd.example:11625\n' };
    const { absent, left } = marginWith(others, { external });
    assert.deepEqual([absent, left], [0, 1]);
  });

  it('count no validator twice that says $self, or that gives a key a name', () => {
    const withSelf = (own: string) =>
      setOf(KEYS.slice(0, 3).map((key) => (key === own ? '$self' : `${key} v${KEYS.indexOf(key)}`)));
    const same = () => setOf(KEYS.slice(0, 3));
    for (const set of [withSelf, same]) assert.deepEqual(marginWith(set).left, 1);
  });

  it('never miss more than they name', () => {
    const many = (own: string) =>
      own === KEYS[0]
        ? setOf(Array.from({ length: 9 }, (_, index) => publicKey(index))).replace('66', '1')
        : others(own);
    assert.equal(marginWith(many).absent, 3);
  });
});

describe('a newcomer that is in no quorum set', () => {
  const set = (home: string) =>
    automaticText(
      ['a', 'b', 'c', 'd'].map((name) => ({ name, quality: 'HIGH', listed: name === home ? 2 : 3 })),
      home,
    );
  const of = (home: string, names: string[]) =>
    Object.fromEntries(names.map((n) => [n, { set: set(home), network: PRIVATE }]));
  const base = {
    ...of('a', ['a1', 'a2']),
    ...of('b', ['b1', 'b2', 'b3']),
    ...of('c', ['c1', 'c2', 'c3']),
    ...of('d', ['d1', 'd2', 'd3']),
  };
  it('leaves the vote of the domain without one more failure', () => {
    const m = marginOf(base, 'a1');
    assert.deepEqual([m.absent, m.left, m.homeDomain], [1, 0, 'a']);
  });
  it('does not stand for an absent member of another domain', () => {
    const e = automaticText(
      [
        ...['a', 'b', 'c', 'd'].map((name) => ({ name, quality: 'HIGH', listed: 3 })),
        { name: 'e', quality: 'MEDIUM', listed: 0 },
      ],
      'e',
    );
    const m = marginOf({ ...base, e1: { set: e, network: PRIVATE } }, 'a1');
    assert.deepEqual([m.left, m.homeDomain], [0, 'a']);
  });
});

describe('siblings that the merge left out', () => {
  // Each configuration has KNOWN_PEERS of its own: of six siblings the first four go into PREFERRED_PEERS.
  const restartAfter = (detail: string) => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const world = networkWorld(
      Object.fromEntries(
        names.map((name): [string, Spec] => [
          name,
          {
            knows: name === 'f' ? [] : names.filter((x) => x !== name),
            node: { spec: PUBLIC },
          },
        ]),
      ),
    );
    const pods = new Map(
      [...world.pods].map(([key, p]) => [
        key,
        key === 'stellar/f-0' ? p : { ...p, mergeOutcome: { code: 'Merged', detail } as const },
      ]),
    );
    return planOf({ ...world, pods }, { settings: { quorumUnknown: 'warn' } }).restart;
  };

  it('do not link the one that no configuration names', () => {
    assert.equal(restartAfter('PREFERRED_PEERS 4, siblings 4'), 'bump f');
  });

  it('do not link it either where peers outside stand behind the first four', () => {
    assert.equal(restartAfter('PREFERRED_PEERS 8, siblings 4'), 'bump f');
    assert.equal(restartAfter('PREFERRED_PEERS 2, siblings 0'), 'bump f');
    assert.equal(restartAfter('PREFERRED_PEERS 8, siblings 5'), undefined);
  });

  it('are no reason to restart those that would leave them out again', () => {
    // z came last and dials a to d: the next pods of e and f would dial those too.
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const specs = names.map((name): [string, Spec] => [
      name,
      { knows: names.filter((x) => x !== name), node: { spec: PUBLIC } },
    ]);
    const world = networkWorld({ ...Object.fromEntries(specs), z: { node: { spec: PUBLIC } } });
    const restartWith = (detail: string, front: string) => {
      const pods = new Map(
        [...world.pods].map(([key, p]) => [
          key,
          {
            ...p,
            mergeOutcome: { code: 'Merged', detail: key === 'stellar/z-0' ? front : detail } as const,
          },
        ]),
      );
      return planOf({ ...world, pods }, { settings: { quorumUnknown: 'warn' } }).restart;
    };
    assert.equal(restartWith('PREFERRED_PEERS 8, siblings 4', 'PREFERRED_PEERS 8, siblings 4'), undefined);
    assert.equal(restartWith('KNOWN_PEERS 6', 'PREFERRED_PEERS 8, siblings 4'), 'bump e');
    assert.equal(restartWith('PREFERRED_PEERS 8, siblings 4', 'KNOWN_PEERS 6'), undefined);
  });

  it('count as all that stand there where an older pod does not tell them apart', () => {
    assert.equal(restartAfter('PREFERRED_PEERS 8'), undefined);
    assert.equal(restartAfter('PREFERRED_PEERS 4'), 'bump f');
  });
});

describe('eight absent peers', () => {
  it('do not make up for live ones that a validator is not linked to', () => {
    const gone = ['g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7', 'g8'];
    const live = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
    const all = [...gone, ...live];
    const specs = Object.fromEntries([
      ...gone.map((n): [string, Spec] => [
        n,
        {
          pod: 'none',
          statefulSet: 'none',
          node: { spec: PUBLIC, annotations: { 'stellar.org/peer-budget': 'uncounted' } },
        },
      ]),
      ...live.map((n): [string, Spec] => [n, { knows: all.filter((x) => x !== n), node: { spec: PUBLIC } }]),
      ['z', { knows: ['p1'], node: { spec: PUBLIC } }] as [string, Spec],
    ]);
    const plan = planOf(networkWorld(specs), { settings: { quorumUnknown: 'warn' } });
    assert.equal(plan.restart, 'bump z');
  });
});

describe('a text that stellar-core refuses', () => {
  const domains = ['a', 'b', 'c'].map((name) => ({ name, quality: 'HIGH', listed: name === 'a' ? 2 : 3 }));
  it('is unreadable: a validator of quality HIGH without HISTORY', () => {
    const text = automaticText(domains, 'a').replace(/^HISTORY.*$/gm, '');
    assert.ok('problem' in readQuorumSet(text));
  });
  it('is unreadable: an own home domain without [[HOME_DOMAINS]]', () => {
    const v = [0, 1, 2].map(
      (i) =>
        `[[VALIDATORS]]\nNAME="v${i}"\nHOME_DOMAIN="a"\nQUALITY="MEDIUM"\nPUBLIC_KEY="${publicKey(i)}"\n`,
    );
    assert.ok('problem' in readQuorumSet(`NODE_HOME_DOMAIN="a"\n${v.join('')}`));
  });
});
