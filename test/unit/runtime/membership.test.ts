import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderView, viewOf } from '../../../peers/views/views.ts';
import { ConfigMaps, Pods, StatefulSets, StellarNodes } from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { node, pod, type Raw, statefulSet } from '../world.ts';
import { Watched } from './watched.ts';

const HOUR_MS = 3_600_000;
const NODE_A = { resource: StellarNodes, namespace: 'stellar', name: 'a' };

const namesOf = (watched: Watched, key: string) =>
  watched.memberships.desired(key)?.view?.map((member) => member.pod);

describe('when a group last changed', () => {
  it('is unset for a group that existed when watching began', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, undefined);
  });

  it('is the time of the first validator, for a group that began later', async (t) => {
    const watched = new Watched(t);
    await watched.start();
    await watched.pass(HOUR_MS);
    watched.putValidators('a');
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, HOUR_MS);
    watched.put(StellarNodes, node('m', { spec: { network: 'mainnet' } }));
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('mainnet')?.lastAtMs, 2 * HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, HOUR_MS);
  });

  it('is the time when a validator joined, left, grew or was suspended, even if no code read the cache for an hour', async (t) => {
    const changes: Array<(watched: Watched) => unknown> = [
      (watched) => watched.putValidators('c'),
      (watched) => watched.kube.delete(NODE_A),
      (watched) => watched.change(StatefulSets, 'a', { op: 'replace', path: '/spec/replicas', value: 2 }),
      (watched) => watched.change(StellarNodes, 'a', { op: 'add', path: '/spec/suspended', value: true }),
      (watched) =>
        watched.change(StellarNodes, 'a', {
          op: 'add',
          path: '/spec/validatorConfig',
          value: { peerPort: 1 },
        }),
    ];
    for (const change of changes) {
      const watched = await Watched.over(t, 'a', 'b');
      await watched.pass(HOUR_MS);
      await change(watched);
      await watched.pass(HOUR_MS);
      assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, HOUR_MS, `${change}`);
    }
  });

  it('is noted at the change, and not at a later event', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    await watched.pass(HOUR_MS);
    watched.putValidators('c');
    await watched.pass(HOUR_MS);
    await watched.change(StatefulSets, 'a', { op: 'replace', path: '/status/updateRevision', value: 'r2' });
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, HOUR_MS);
  });

  it('does not move with statuses, annotations and pods', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    await watched.pass(HOUR_MS);
    const before = watched.memberships.discovery();
    await watched.change(StellarNodes, 'a', { op: 'add', path: '/status', value: { phase: 'Ready' } });
    await watched.change(StatefulSets, 'a', { op: 'add', path: '/status/readyReplicas', value: 1 });
    assert.deepEqual(watched.told, []);
    assert.equal(watched.memberships.discovery(), before, 'nothing is discovered anew');
    watched.put(Pods, pod('a'));
    const members = () => watched.memberships.discovery().groups.get('testnet')?.members;
    assert.deepEqual(
      members(),
      before.groups.get('testnet')?.members,
      'a pod is no change of the membership',
    );
    await watched.change(StatefulSets, 'a', { op: 'replace', path: '/status/updateRevision', value: 'r2' });
    await watched.change(StellarNodes, 'a', {
      op: 'add',
      path: '/metadata/annotations',
      value: { 'stellar.org/peer-adopt': 'now' },
    });
    await watched.pass(HOUR_MS);
    assert.notEqual(watched.memberships.discovery(), before);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, undefined);
  });

  it('is found anew when the salt of the lists changes, and not for each entry of the journal', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    const journal = (data: Record<string, string>): Raw => ({
      metadata: { name: 'stellar-peers-restarts', namespace: 'stellar-peers' },
      data,
    });
    const salt = 'a1'.repeat(16);
    watched.put(ConfigMaps, journal({ salt }));
    await watched.pass(100);
    const before = watched.memberships.discovery();
    assert.equal(before.salt, salt);
    watched.put(ConfigMaps, journal({ salt, testnet: '[]' }));
    await watched.pass(100);
    assert.equal(watched.memberships.discovery(), before);
  });

  it('keeps the place of a pod that is replaced, and the place of a deleted pod for ten minutes', async (t) => {
    const watched = new Watched(t);
    const many = { spec: { replicas: 9 } };
    watched.put(StellarNodes, node('a', many));
    watched.put(StatefulSets, statefulSet('a', many));
    watched.put(Pods, pod('a', { ordinal: 8 }));
    await watched.start();
    const placed = () =>
      watched.memberships
        .discovery()
        .groups.get('testnet')
        ?.members.map(({ ordinal }) => ordinal);
    assert.deepEqual(placed(), [0, 1, 2, 8]);
    await watched.kube.delete({ resource: Pods, namespace: 'stellar', name: 'a-8' });
    await watched.pass(9 * 60_000);
    assert.deepEqual(placed(), [0, 1, 2, 8]);
    await watched.pass(2 * 60_000);
    await watched.change(StatefulSets, 'a', { op: 'replace', path: '/status/updateRevision', value: 'r2' });
    await watched.pass(1_000);
    assert.deepEqual(placed(), [0, 1, 2]);
  });

  it('starts anew for a group that vanished and came back', async (t) => {
    const watched = await Watched.over(t, 'a');
    await watched.kube.delete(NODE_A);
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, undefined);
    watched.put(StellarNodes, node('a'));
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, HOUR_MS);
  });

  it('is not the time at which the last kind could be listed', async (t) => {
    const watched = new Watched(t);
    watched.putValidators('a', 'b');
    watched.put(StatefulSets, statefulSet('a', { spec: { replicas: 2 } }));
    watched.kube.intercept = (request) => {
      if (request.startsWith('list') && request.endsWith('/statefulsets')) throw failure(403, '', 'no');
    };
    await watched.start();
    watched.memberships.discovery();
    await watched.pass(100);
    assert.equal(watched.memberships.synced(), false);
    watched.kube.intercept = () => undefined;
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.synced(), true);
    await watched.pass(HOUR_MS);
    assert.equal(watched.memberships.membershipChanges('testnet')?.lastAtMs, undefined);
  });
});

describe('what a validator should know', () => {
  it('follows the membership at once', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    assert.deepEqual(namesOf(watched, 'stellar/a'), ['b-0']);
    watched.putValidators('c');
    assert.deepEqual(namesOf(watched, 'stellar/a'), ['b-0', 'c-0']);
    await watched.kube.delete({ ...NODE_A, name: 'b' });
    assert.deepEqual(namesOf(watched, 'stellar/a'), ['c-0']);
  });

  it('stays the same until the membership changes, and has at most maxPeers peers', async (t) => {
    const watched = new Watched(t, { maxPeers: 2 });
    watched.putValidators('a', 'b', 'c', 'd', 'e');
    await watched.start();
    const view = watched.memberships.desired('stellar/a')?.view;
    assert.equal(view?.length, 2);
    assert.equal(watched.memberships.desired('stellar/a')?.view, view);
  });

  it('is undefined for a validator that is no active peer', async (t) => {
    const watched = new Watched(t);
    watched.putValidators('a');
    watched.put(
      StellarNodes,
      node('suspended', { spec: { suspended: true } }),
      node('unreadable', { spec: { network: 7 } }),
      node('horizon', { spec: { nodeType: 'Horizon' } }),
    );
    await watched.start();
    for (const name of ['suspended', 'unreadable', 'horizon', 'missing']) {
      assert.equal(watched.memberships.desired(`stellar/${name}`)?.view, undefined, name);
    }
    assert.deepEqual(namesOf(watched, 'stellar/a'), []);
  });
});

describe('what is published for a validator', () => {
  it('is the content of its ConfigMap in the cache', async (t) => {
    const watched = await Watched.over(t, 'a', 'b');
    assert.equal(watched.memberships.published('stellar/a'), undefined);
    const group = watched.memberships.discovery().groups.get('testnet');
    const view = group ? viewOf('stellar/a', group, 24) : [];
    const metadata = { name: 'stellar-peers', namespace: 'stellar' };
    watched.put(ConfigMaps, { metadata, data: renderView('a', { view, externals: [] }, 5_000) });
    const published = watched.memberships.published('stellar/a');
    assert.deepEqual(
      published?.digests,
      view.map((member) => member.digest),
    );
    assert.equal(published?.publishedAtMs, 5_000);
    assert.equal(watched.memberships.published('stellar/b'), undefined);
    assert.equal(watched.memberships.published('elsewhere/a'), undefined);
  });
});
