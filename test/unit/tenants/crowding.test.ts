/** How many places a tenant can get in the lists of others, in an open network. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover, type Group } from '../../../peers/discovery/discover.ts';
import { formatDigests, viewHash } from '../../../peers/hash.ts';
import { publishedView, viewFiles, viewOf } from '../../../peers/views/views.ts';
import { planGroup } from '../../../reconciler/plan/restarts/rollout.ts';
import { DISCOVERY, inputOf, webhookOf } from '../reconciler/group.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';
import { afterPublishing, MALLORY } from './stage.ts';

const SALT = 'a1'.repeat(16);
const SIZE = 24;

interface Wish {
  readonly uid?: string;
  readonly annotations?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
  readonly runs?: boolean;
}

/** A StellarNode with a UID of its own, and its pod if `runs`. */
function one(
  namespace: string,
  name: string,
  { uid = `${namespace}/${name}`, runs = true, ...rest }: Wish = {},
): Parts {
  const raw = node(name, { namespace, ...rest });
  const nodes = [{ ...raw, metadata: { ...raw.metadata, uid } }];
  if (!runs) return { nodes };
  const sts = statefulSet(name, { namespace, ownerUid: uid });
  const own = { ...sts, metadata: { ...sts.metadata, uid: `sts-${namespace}-${name}` } };
  return {
    nodes,
    statefulSets: [own],
    pods: [pod(name, { namespace, ownerUid: `sts-${namespace}-${name}` })],
  };
}

const crowd = (namespace: string, count: number, wish: (index: number) => Wish = () => ({})): Parts[] =>
  Array.from({ length: count }, (_, index) => one(namespace, `v${index}`, wish(index)));

function together(...parts: Parts[]): Parts {
  const of = (key: 'nodes' | 'statefulSets' | 'pods'): Raw[] => parts.flatMap((each) => each[key] ?? []);
  const namespaces = ['stellar', MALLORY, 'stellar-peers'].map((name): Raw => ({ metadata: { name } }));
  return { nodes: of('nodes'), statefulSets: of('statefulSets'), pods: of('pods'), namespaces };
}

function groupOf(parts: Parts, salt = SALT): Group {
  const group = discover(worldWith({ ...parts, journal: { salt } }), DISCOVERY).groups.get('testnet');
  assert.ok(group);
  return group;
}

const foreignIn = (group: Group, name: string): number =>
  viewOf(`stellar/${name}`, group, SIZE).filter(({ namespace }) => namespace === MALLORY).length;

/** The number of places that mallory has in the lists of all 30 victims. */
const placesOf = (group: Group): number =>
  Array.from({ length: 30 }, (_, index) => foreignIn(group, `v${index}`)).reduce(
    (sum, count) => sum + count,
    0,
  );

const VICTIMS = crowd('stellar', 30);
const IDLE = (): Wish => ({ runs: false });

describe('in the lists of 30 running validators, a tenant of another namespace gets', () => {
  it('no place by StellarNodes without pods, even by 1,300 of them or by 24 with 100 replicas', () => {
    assert.equal(placesOf(groupOf(together(...VICTIMS, ...crowd(MALLORY, 1_300, IDLE)))), 0);
    const replicas = () => ({ runs: false, spec: { replicas: 100 } });
    assert.equal(placesOf(groupOf(together(...VICTIMS, ...crowd(MALLORY, 24, replicas)))), 0);
  });

  it('at most half of the places by running pods, even by 900 pods', () => {
    const group = groupOf(together(...VICTIMS, ...crowd(MALLORY, 900)));
    for (const [index] of VICTIMS.entries()) assert.equal(foreignIn(group, `v${index}`), SIZE / 2);
  });

  it('a small share by a few running pods: 12 of 200 pods get at most a tenth of the places', () => {
    const group = groupOf(together(...crowd('stellar', 188), ...crowd(MALLORY, 12)));
    assert.ok(placesOf(group) <= 0.1 * 30 * SIZE, `${placesOf(group)} of ${30 * SIZE}`);
    assert.ok(placesOf(group) > 0);
  });

  it('at most half of the places together with the tenants of all other namespaces', () => {
    const many = Array.from({ length: 40 }, (_, index) => crowd(`mallory-${index}`, 20)).flat();
    const view = viewOf('stellar/v0', groupOf(together(...VICTIMS, ...many)), SIZE);
    assert.equal(view.filter(({ namespace }) => namespace === 'stellar').length, SIZE / 2);
  });

  it('no more places by names and UIDs that were searched for than by chance', () => {
    // Of 800 UIDs, the 24 that come first in the list of v0: by an order without salt, and by the order with the salt.
    const candidates = crowd(MALLORY, 800);
    const heaviest = (salt: string): Set<string> => {
      const group = groupOf(together(one('zoe', 'v0', { uid: 'stellar/v0' }), ...candidates), salt);
      return new Set(viewOf('zoe/v0', group, SIZE).map((member) => member.node));
    };
    const searched = heaviest('');
    const known = heaviest(SALT);
    const both = [...searched].filter((key) => known.has(key)).length;
    assert.ok(both <= 5, `${both} of 24: by chance one in 33`);
  });

  it('other places in an installation with another salt', () => {
    const parts = together(...VICTIMS, ...crowd(MALLORY, 100));
    const view = (salt: string) =>
      viewOf('stellar/v0', groupOf(parts, salt), SIZE).map((member) => member.podKey);
    assert.deepEqual(view(SALT), view(SALT));
    assert.notDeepEqual(view(SALT), view('b2'.repeat(16)));
  });
});

describe('an address that several validators advertise', () => {
  const at = (address: string) => ({ annotations: { 'stellar.org/peer-address': address } });

  it('takes one place of a list and one line, and no validator loses its own address', () => {
    const victims = crowd('stellar', 13, (index) => at(`10.0.0.${index}:11625`));
    const copies = crowd(MALLORY, 13, (index) => at(`10.0.0.${index}:11625`));
    const same = Array.from({ length: 200 }, (_, index) => one(MALLORY, `s${index}`, at('10.9.9.9:11625')));
    const group = groupOf(together(...victims, ...copies, ...same));
    for (const [index] of victims.entries()) {
      const view = viewOf(`stellar/v${index}`, group, SIZE);
      const lines = viewFiles({ view, externals: [] }).txt.trim().split('\n');
      assert.equal(lines.length, view.length, 'a line each');
      for (let other = 0; other < 13; other += 1) {
        if (other !== index) assert.ok(lines.includes(`10.0.0.${other}:11625`), `v${index} knows v${other}`);
      }
      assert.equal(lines.filter((line) => line.startsWith('10.9')).length, 1);
    }
  });
});

describe('a list whose members change with a new salt', () => {
  /** 60 validators that run with the lists of one salt, while the lists of another salt are published. */
  function rechosen(): Parts {
    const parts = together(...crowd('stellar', 60));
    const before = groupOf(parts, 'c3'.repeat(16));
    const pods = (parts.pods ?? []).map((raw) => {
      const name = raw.metadata.name.replace(/-0$/, '');
      const view = viewOf(`stellar/${name}`, before, SIZE);
      const stamp = {
        'stellar.org/peer-hash': viewHash(view.map(({ identity }) => identity)),
        'stellar.org/peers': formatDigests(view.map(({ digest }) => digest)),
      };
      return { ...raw, metadata: { ...raw.metadata, annotations: stamp } };
    });
    const webhook = webhookOf('2025-01-01T00:00:00Z');
    return { ...afterPublishing({ ...parts, pods, journal: { salt: SALT } }), webhook };
  }

  it('restarts no validator, because each validator still knows as many running peers as before', () => {
    const world = worldWith({ ...rechosen(), journal: { salt: SALT } });
    for (const rollFor of ['auto', 'missing', 'unlinked', 'all'] as const) {
      const { group, input } = inputOf(world, { settings: { rollFor } });
      const { restart, holds } = planGroup(group, input);
      assert.equal(restart, undefined, rollFor);
      assert.deepEqual([...holds], [], rollFor);
    }
    const others = [...world.pods.values()].filter(({ namespace, name, peerHash }) => {
      const view = publishedView(world.configMaps.get(namespace), name.replace(/-0$/, ''));
      return view?.hash !== peerHash;
    });
    assert.equal(others.length, 60, 'every list differs from the one of the pod');
  });

  it('leads to a restart of a validator that knows a peer that left, but only with ROLL_FOR=all', () => {
    const parts = rechosen();
    const [first, ...pods] = parts.pods ?? [];
    assert.ok(first);
    const stamp = first.metadata.annotations as Readonly<Record<string, string>>;
    const peers = `${stamp['stellar.org/peers']}`.replace('v1:', 'v1:00000000,');
    const annotations = { ...stamp, 'stellar.org/peers': peers, 'stellar.org/peer-hash': 'f' };
    const gone = { ...first, metadata: { ...first.metadata, annotations } };
    const world = worldWith({ ...parts, pods: [gone, ...pods], journal: { salt: SALT } });
    const concerned = (rollFor: 'auto' | 'all') => {
      const { group, input } = inputOf(world, { settings: { rollFor } });
      const { restart, holds } = planGroup(group, input);
      return [restart?.statefulSet, ...holds.keys()].filter((each) => each !== undefined);
    };
    assert.deepEqual(concerned('auto'), []);
    // v0 has no quorumSet here, so it only waits for the quorum check.
    assert.deepEqual(concerned('all'), ['stellar/v0']);
  });
});
