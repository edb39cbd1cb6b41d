/** What the quorum sets of home domains, of other groups and of absent members leave. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DiscoverySettings, discover } from '../../../peers/discovery/discover.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { type QuorumMargin, QuorumMargins } from '../../../reconciler/plan/quorum/quorum-margin.ts';
import { automaticText, publicKey } from '../peers/quorum-texts.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, NOW_MS, networkWorld, planOf, type Spec } from './group.ts';

const PRIVATE = { network: 'custom', customNetworkPassphrase: 'test net' };
const PUBLIC = { network: 'mainnet' };
const ID = 'custom-51e6281607074a4c';
const domain = (name: string, listed: number, quality = 'HIGH') => ({ name, quality, listed });
const DOMAINS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** Seven domains of three, of which the own is listed with `listed` validators beside the node itself. */
const ofDomains = (home: string, listed = 2, quality = 'HIGH'): string =>
  automaticText(
    DOMAINS.map((name) => (name === home ? domain(name, listed, quality) : domain(name, 3))),
    home,
  );
const byHand = (count: number, percent: number): string => {
  const keys = Array.from({ length: count }, (_, index) => publicKey(index));
  return `[QUORUM_SET]\nTHRESHOLD_PERCENT=${percent}\nVALIDATORS=${JSON.stringify(keys)}\n`;
};

interface Given {
  readonly quorumSet?: string;
  readonly namespace?: string;
  readonly network?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  readonly deletionTimestamp?: string;
  readonly annotations?: Record<string, string>;
  readonly ready?: boolean;
  readonly gone?: boolean;
}

function partsOf(given: Readonly<Record<string, Given>>): Parts {
  const nodes: Raw[] = [];
  const [statefulSets, pods]: [Raw[], Raw[]] = [[], []];
  for (const [name, each] of Object.entries(given)) {
    const { namespace = 'stellar', quorumSet, annotations = {}, deletionTimestamp } = each;
    const validatorConfig = { ...(quorumSet === undefined ? {} : { quorumSet }), ...each.config };
    const spec = { ...(each.network ?? PRIVATE), validatorConfig, ...each.spec };
    nodes.push(
      node(name, { namespace, annotations, spec, ...(deletionTimestamp ? { deletionTimestamp } : {}) }),
    );
    if (each.gone) continue;
    statefulSets.push(statefulSet(name, { namespace }));
    pods.push(pod(name, { namespace, ready: each.ready ?? true }));
  }
  return { nodes, statefulSets, pods };
}

interface Look {
  readonly settings?: DiscoverySettings;
  readonly extra?: Partial<Parts>;
}

function marginOf(given: Readonly<Record<string, Given>>, name: string, look: Look = {}): QuorumMargin {
  const world = worldWith({ ...partsOf(given), ...look.extra });
  const found = [...world.nodes.values()].find(
    (each) => each.kind === 'validator' && each.validator.name === name,
  );
  assert.ok(found?.kind === 'validator', name);
  const { validator } = found;
  const discovery = discover(world, look.settings ?? DISCOVERY);
  return new QuorumMargins(validator.network.id, { world, discovery }).of(validator);
}
const leftOf = (...args: Parameters<typeof marginOf>): number | undefined => marginOf(...args).left;

describe('a home domain of three', () => {
  const own = { quorumSet: ofDomains('a'), network: PUBLIC };
  const three = { a1: own, a2: own, a3: own };

  it('keeps its vote: one may be restarted, none while another is down', () => {
    // The whole set would bear five: two of each of two domains, and one of a third.
    assert.deepEqual([leftOf(three, 'a1'), marginOf(three, 'a1').homeDomain], [1, 'a']);
    assert.equal(leftOf({ ...three, a2: { ...own, ready: false } }, 'a1'), 0);
    assert.equal(leftOf({ ...three, a2: { ...own, ready: false } }, 'a2'), 1, 'itself is not another');
  });

  it('of four still keeps three up, of five bears two down', () => {
    const of = (listed: number) => {
      const quorumSet = ofDomains('a', listed);
      return leftOf({ a1: { quorumSet, network: PUBLIC } }, 'a1');
    };
    assert.deepEqual([of(2), of(3), of(4)], [1, 1, 2]);
  });

  it('has no vote of its own to keep with one or two members, or in a manual set: the whole set decides', () => {
    const quorumSet = ofDomains('a', 1, 'MEDIUM');
    assert.equal(marginOf({ a1: { quorumSet, network: PUBLIC } }, 'a1').homeDomain, undefined);
    const hand = { quorumSet: `NODE_HOME_DOMAIN="a"\n${byHand(4, 67)}`, network: PUBLIC };
    assert.deepEqual([leftOf({ a1: hand }, 'a1'), marginOf({ a1: hand }, 'a1').homeDomain], [1, undefined]);
  });

  it('is not judged where the set does not say whose it is', () => {
    const quorumSet = automaticText(
      ['a', 'b', 'c'].map((name) => domain(name, 3)),
      undefined,
    );
    const margin = marginOf({ a1: { quorumSet, network: PUBLIC } }, 'a1');
    assert.deepEqual([margin.homeDomain, margin.left], [undefined, 1]);
  });
});

describe('the set of validators whose failures count together', () => {
  const six = { quorumSet: byHand(6, 75) };
  const over = (change: Readonly<Record<string, Given>> = {}) => ({
    ...Object.fromEntries(['v1', 'v2', 'v3'].map((name) => [name, { ...six, namespace: 'one' }])),
    ...Object.fromEntries(['v4', 'v5', 'v6'].map((name) => [name, { ...six, namespace: 'two' }])),
    ...change,
  });
  const down = { v6: { ...six, namespace: 'two', ready: false } };

  it('is the whole private network, whatever the groups are', () => {
    assert.equal(leftOf(over(), 'v1'), 1);
    assert.equal(leftOf(over(down), 'v1'), 0);
    const settings = { ...DISCOVERY, peerScope: 'namespace' } as const;
    assert.equal(leftOf(over(down), 'v1', { settings }), 0);
  });

  it('counts a restart of ours in another group, though its pod still looks up', () => {
    const settings = { ...DISCOVERY, peerScope: 'namespace' } as const;
    const entry = { kind: 'bump', uids: ['u'], token: 't', drift: 'short', atMs: NOW_MS } as const;
    const open = formatJournal([{ ...entry, statefulSet: 'two/v6' }], NOW_MS);
    const look = { settings, extra: { journal: { [`two.${ID}`]: open } } };
    assert.equal(leftOf(over(), 'v1', look), 0);
    assert.equal(leftOf(over(), 'v6', look), 1, 'itself is not another');
    const closed = formatJournal(
      [{ ...entry, statefulSet: 'two/v6', outcome: 'done', endedAtMs: NOW_MS }],
      NOW_MS,
    );
    assert.equal(leftOf(over(), 'v1', { settings, extra: { journal: { [`two.${ID}`]: closed } } }), 1);
  });

  it('is the home domain on a public network, over namespaces, and else the namespace', () => {
    const of = (home: string, namespace: string, ready = true) => ({
      quorumSet: ofDomains(home),
      network: PUBLIC,
      ...{ namespace, ready },
    });
    const others = { b1: of('b', 'two', false), b2: of('b', 'one', false) };
    assert.equal(leftOf({ a1: of('a', 'one'), ...others }, 'a1'), 1, 'another operator is none of ours');
    assert.equal(leftOf({ a1: of('a', 'one'), a2: of('a', 'two', false), ...others }, 'a1'), 0);
    const unknown = { network: PUBLIC, namespace: 'one', ready: false };
    assert.equal(leftOf({ a1: of('a', 'one'), u: unknown }, 'a1'), 0, 'it may be of the same domain');
    assert.equal(leftOf({ a1: of('a', 'one'), u: { ...unknown, namespace: 'two' } }, 'a1'), 1);
  });

  it('does not believe those that NETWORK_NAMESPACES keeps out', () => {
    const settings = { ...DISCOVERY, networkNamespaces: new Map([[ID, new Set(['one'])]]) };
    const hostile = { quorumSet: byHand(6, 100), namespace: 'two', ready: false };
    const own = { quorumSet: byHand(3, 66), namespace: 'one' };
    const all = { v1: own, v2: own, v3: own, h: hostile };
    assert.equal(leftOf(all, 'v1', { settings }), 1);
    assert.equal(leftOf(all, 'v1'), -3, 'without it, all that claim the network are of it');
  });
});

describe('members that are no peers', () => {
  const set = { quorumSet: byHand(4, 67) };
  const four = (change: Readonly<Record<string, Given>> = {}) => ({
    a: set,
    b: set,
    c: set,
    d: set,
    ...change,
  });

  it('count as down: suspended, deleting, unreadable, without pod', () => {
    assert.equal(leftOf(four(), 'a'), 1);
    const gone: Readonly<Record<string, Given>> = {
      suspended: { ...set, spec: { suspended: true } },
      deleting: { ...set, deletionTimestamp: '2026-05-31T00:00:00Z' },
      'of an unreadable port': { ...set, config: { peerPort: 'x' } },
      'of an unreadable network': { network: { network: 7 } },
      'without pod': { ...set, gone: true },
    };
    for (const [what, d] of Object.entries(gone)) {
      const expected = what === 'of an unreadable network' ? -1 : 0;
      assert.equal(leftOf(four({ d }), 'a'), expected, what);
      const annotations = { 'stellar.org/peer-budget': 'uncounted' };
      assert.ok((leftOf(four({ d: { ...d, annotations } }), 'a') ?? 0) > expected, `${what}, uncounted`);
    }
  });

  it('never count in MAX_UNAVAILABLE', () => {
    const away: Readonly<Record<string, Spec>> = {
      suspended: { node: { spec: { suspended: true } }, pod: 'none' },
      withoutStatefulSet: { statefulSet: 'none', pod: 'none' },
      scaled: { statefulSet: { spec: { replicas: 0 }, status: { replicas: 0 } }, pod: 'none' },
    };
    for (const [what, e] of Object.entries(away)) {
      const world = networkWorld({ a: { knows: [] }, b: {}, c: {}, d: {}, e });
      assert.equal(planOf(world).restart, 'bump a', what);
    }
  });

  it('count in MAX_UNAVAILABLE while a pod or a StatefulSet of their name is still there', () => {
    const remains: Readonly<Record<string, Spec>> = {
      pod: { statefulSet: 'none', pod: {} },
      'a StatefulSet of another owner': { statefulSet: { ownerUid: 'other' }, pod: 'none' },
    };
    for (const [what, e] of Object.entries(remains)) {
      const { holds } = planOf(networkWorld({ a: { knows: [] }, b: {}, c: {}, d: {}, e }));
      assert.equal(holds.a, 'WaitingForUnavailable', what);
    }
  });

  it('of another namespace hold no validator whose network they do not name', () => {
    assert.equal(leftOf(four({ x: { namespace: 'two', network: { network: 7 } } }), 'a'), 1);
  });

  it('count on a private network too where only the set knows them, unless they are listed as external', () => {
    const seven = { quorumSet: byHand(7, 67) };
    const five = { a: seven, b: seven, c: seven, d: seven, e: seven };
    assert.equal(leftOf(five, 'a'), 0);
    assert.equal(marginOf(five, 'a').absent, 2);
    const external = { [ID]: 'x.example:11625\ny.example:11625\n' };
    assert.equal(leftOf(five, 'a', { extra: { external } }), 2);
    const open = Object.fromEntries(
      Object.entries(five).map(([name, each]) => [name, { ...each, network: PUBLIC }]),
    );
    assert.equal(leftOf(open, 'a'), 2, 'on a public network others are not ours to know');
  });
});

describe('a quorum set that cannot be read', () => {
  const specs = (network: Record<string, unknown>, set: (name: string) => string | undefined) =>
    Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name): [string, Spec] => [
        name,
        { knows: ['b'], node: { spec: { ...network, validatorConfig: { quorumSet: set(name) } } } },
      ]),
    );
  const garbled = (name: string) => (name === 'c' ? '[[VALIDATORS]]\nNAME=""\n' : byHand(4, 67));
  const worldOf = (network: Record<string, unknown>, annotation?: string): World =>
    networkWorld(specs(network, garbled), {
      namespace:
        annotation === undefined ? {} : { annotations: { 'stellar.org/peer-quorum-unknown': annotation } },
    });

  it('holds on a public network and warns on a private one, by default', () => {
    const held = planOf(worldOf(PUBLIC));
    assert.deepEqual([held.restart, held.holds.a], [undefined, 'QuorumUnknown']);
    assert.match(held.details.a ?? '', /^stellar\/c: line 2: /);
    const warned = planOf(worldOf(PRIVATE));
    assert.deepEqual([warned.restart, warned.remarks.a], ['bump a', 'QuorumUnknown']);
  });

  it('holds or warns as QUORUM_UNKNOWN says, and the Namespace before that; an unknown value holds', () => {
    assert.equal(planOf(worldOf(PUBLIC), { settings: { quorumUnknown: 'warn' } }).restart, 'bump a');
    assert.equal(planOf(worldOf(PRIVATE), { settings: { quorumUnknown: 'hold' } }).holds.a, 'QuorumUnknown');
    assert.equal(planOf(worldOf(PUBLIC, 'warn')).restart, 'bump a');
    assert.equal(planOf(worldOf(PRIVATE, 'hold')).holds.a, 'QuorumUnknown');
    for (const unknown of ['Warn', 'auto'])
      assert.equal(planOf(worldOf(PRIVATE, unknown)).holds.a, 'QuorumUnknown');
    assert.equal(planOf(worldOf(PUBLIC), { settings: { quorumCheck: 'off' } }).restart, 'bump a');
  });

  it('is not reported before it is read from the mounted file, if the Namespace asks for that', () => {
    const { restart, remarks } = planOf(worldOf(PUBLIC, 'read'));
    assert.deepEqual([restart, remarks.a], ['bump a', undefined]);
  });

  it('is one that vlSource replaces', () => {
    const one = { quorumSet: byHand(4, 67), config: { vlSource: 'https://vl.example' } };
    assert.match(marginOf({ a: one }, 'a').unknown?.problem ?? '', /vlSource/);
  });

  const abroad = (annotation?: string) => {
    const set = ofDomains('a');
    const world = networkWorld(
      Object.fromEntries(
        ['a', 'b', 'c'].map((name): [string, Spec] => [
          name,
          { knows: ['b'], node: { spec: { ...PUBLIC, validatorConfig: { quorumSet: set } } } },
        ]),
      ),
      annotation === undefined
        ? {}
        : { namespace: { annotations: { 'stellar.org/peer-quorum-unknown': annotation } } },
    );
    const foreign = partsOf({
      x: { quorumSet: 'NODE_HOME_DOMAIN="a"\n[[', network: PUBLIC, namespace: 'two' },
    });
    const more = worldWith(foreign);
    return {
      ...world,
      nodes: new Map([...world.nodes, ...more.nodes]),
      statefulSets: new Map([...world.statefulSets, ...more.statefulSets]),
      pods: new Map([...world.pods, ...more.pods]),
    };
  };

  it('of the own home domain in another namespace is reported, and holds no validator', () => {
    for (const annotation of [undefined, 'warn', 'read']) {
      const { restart, remarks } = planOf(abroad(annotation), { settings: { rollFor: 'missing' } });
      assert.deepEqual([restart, remarks.a], ['bump a', 'QuorumUnknown'], `${annotation}`);
    }
  });

  it('of the own home domain in another namespace holds where the own Namespace says hold', () => {
    const { restart, holds, details } = planOf(abroad('hold'), { settings: { rollFor: 'missing' } });
    assert.deepEqual([restart, holds.a], [undefined, 'QuorumUnknown']);
    assert.match(details.a ?? '', /^two\/x: line 2: /);
  });

  it('of another namespace holds no validator', () => {
    const own = { quorumSet: ofDomains('a'), network: PUBLIC, namespace: 'one' };
    const foreign = { quorumSet: 'NODE_HOME_DOMAIN="a"\n[[', network: PUBLIC, namespace: 'two' };
    const margin = marginOf({ a1: own, x: foreign }, 'a1');
    assert.deepEqual([margin.left, margin.unknown], [1, undefined]);
    const private1 = { quorumSet: byHand(2, 50), namespace: 'one' };
    assert.equal(marginOf({ a1: private1, x: { ...foreign, network: PRIVATE } }, 'a1').unknown, undefined);
  });
});
