/** Objects that others write cannot fill the memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { weightOf } from '../../../peers/read/weight.ts';
import type { NodeReading } from '../../../peers/world.ts';
import { readWorldLive } from '../../../runtime/kube/live-read.ts';
import { KubeError, type KubeObject } from '../../../runtime/kube/port.ts';
import { Namespaces, StellarNodes } from '../../../runtime/kube/resources.ts';
import { NAMESPACE_BYTES_MAX, Room } from '../../../runtime/kube/room.ts';
import { createStores, validatorSources, type WatchedKind } from '../../../runtime/kube/sources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, pod, type Raw, statefulSet } from '../world.ts';
import { Watched } from './watched.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MEGABYTE = 1024 * 1024;
const COUNT = 60;
/** An address with blanks behind it. */
const padded = (index: number): string => `core-${index}.example.org:11625`.padEnd(1.4 * MEGABYTE);
const long = (index: number): string => `${index} `.padEnd(1.4 * MEGABYTE, 'x');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

/** The bytes that stay in memory of `COUNT` objects that arrive as text, one after the other. */
function keptOf(source: WatchedKind<unknown>, objectOf: (index: number) => Raw): number {
  const before = heapBytes();
  const kept: unknown[] = [];
  for (let index = 0; index < COUNT; index += 1) {
    const object = JSON.parse(JSON.stringify(objectOf(index))) as KubeObject;
    kept.push(source.keyOf(object), source.project(object), source.light?.(object, 'its namespace'));
  }
  const bytes = heapBytes() - before;
  assert.equal(kept.length, 3 * COUNT);
  return bytes;
}

const custom = (passphrase: string) => ({ network: 'custom', customNetworkPassphrase: passphrase });
const withLabels = (raw: Raw, labels: Record<string, string>): Raw => ({
  ...raw,
  metadata: { ...raw.metadata, labels },
});
const ownedBy = (raw: Raw, uid: string): Raw => ({
  ...raw,
  metadata: {
    ...raw.metadata,
    ownerReferences: [
      { apiVersion: 'stellar.org/v1', kind: 'StellarNode', name: uid, uid, controller: true },
    ],
  },
});

/** Every place in which a tenant may write a long text. */
const WRITTEN: Readonly<Record<string, ReadonlyArray<(index: number) => Raw>>> = {
  StellarNode: [
    (index) => node(`n${index}`, { spec: { validatorConfig: { quorumSet: long(index) } } }),
    (index) => node(`n${index}`, { spec: custom(long(index)) }),
    (index) => node(`n${index}`, { spec: { network: long(index) } }),
    (index) => node(`n${index}`, { spec: { replicas: long(index) } }),
    (index) => node(`n${index}`, { annotations: { 'stellar.org/peer-address': long(index) } }),
    (index) => node(`n${index}`, { annotations: { 'stellar.org/peer-rollout': long(index) } }),
    (index) => node(`n${index}`, { annotations: { 'not.ours': long(index) } }),
    (index) => node(`n${index}`, { annotations: { 'stellar.org/peer-unknown': long(index) } }),
    (index) => node(`n${index}`, { annotations: { 'stellar.org/peer-address': padded(index) } }),
    (index) => node(`n${index}`, { spec: { crossCluster: { peerClusters: [{ endpoint: padded(index) }] } } }),
    (index) => node(`n${index}`, { spec: { validatorConfig: { externalDns: { hostname: padded(index) } } } }),
  ],
  StatefulSet: [
    (index) => statefulSet(`s${index}`, { annotations: { a: long(index) } }),
    (index) => statefulSet(`s${index}`, { spec: { serviceName: long(index) } }),
    (index) => statefulSet(`s${index}`, { status: { updateRevision: long(index) } }),
    (index) => ownedBy(statefulSet(`s${index}`), long(index)),
  ],
  Pod: [
    (index) => pod(`p${index}`, { annotations: { 'stellar.org/peers': long(index) } }),
    (index) => withLabels(pod(`p${index}`), { a: long(index) }),
    (index) => ownedBy(pod(`p${index}`), long(index)),
  ],
  PodDisruptionBudget: [
    (index) => ({
      metadata: { name: `b${index}`, namespace: 'stellar' },
      spec: { selector: { matchLabels: { a: long(index) } } },
    }),
  ],
};

describe('of an object of 1.4 MB', () => {
  const sources = validatorSources({ ownNamespace: 'stellar-peers', watchNamespaces: [] }, createStores());
  for (const source of sources) {
    for (const [place, objectOf] of (WRITTEN[source.resource.kind] ?? []).entries()) {
      it(`little is kept, wherever the long text is: ${source.resource.kind} ${place + 1}`, () => {
        const bytes = keptOf(source, objectOf);
        assert.ok(bytes < 4 * MEGABYTE, `${Math.round(bytes / MEGABYTE)} MiB of ${COUNT}`);
      });
    }
  }
});

describe('a namespace with more than there is room for', () => {
  const quorumSet = 'x'.repeat(60 * 1024);
  const large = (name: string, namespace: string) =>
    node(name, { namespace, spec: { validatorConfig: { quorumSet } } });

  it('has the rest of its objects not kept, with a reason, and costs no other namespace its validators', async (t) => {
    const watched = new Watched(t);
    const count = Math.ceil(NAMESPACE_BYTES_MAX / quorumSet.length) + 20;
    for (let index = 0; index < count; index += 1) watched.put(StellarNodes, large(`m${index}`, 'mallory'));
    watched.put(StellarNodes, large('a', 'stellar'));
    await watched.start();
    const { nodes } = watched.memberships.world;
    assert.equal(nodes.size, count + 1);
    const unread = [...nodes].filter(([, { kind }]) => kind === 'unreadable');
    assert.ok(unread.length >= 20 && unread.length < 60, `${unread.length} of ${count}`);
    assert.equal(nodes.get('stellar/a')?.kind, 'validator');
    const why = watched.memberships.discovery().skipped.get(unread[0]?.[0] ?? '');
    assert.deepEqual(why, { code: 'TooLargeToRead', detail: 'more than 16 MiB in its namespace' });
  });

  it('has the rest of its objects not kept in a live read', async () => {
    const count = Math.ceil(NAMESPACE_BYTES_MAX / quorumSet.length) + 20;
    const objects = Array.from({ length: count }, (_, index) => large(`m${index}`, 'mallory'));
    const kube = new MemoryKube();
    kube.seed(StellarNodes, [...objects, large('a', 'stellar')]);
    const { world } = await readWorldLive(kube, { ownNamespace: 'stellar-peers', watchNamespaces: [] });
    const unread = [...world.nodes.values()].filter(({ kind }) => kind === 'unreadable');
    assert.ok(unread.length >= 20 && unread.length < 60, `${unread.length} of ${count}`);
    assert.equal(world.nodes.get('stellar/a')?.kind, 'validator');
  });

  it('has room for an object that is written again after another object was deleted', async (t) => {
    const watched = new Watched(t);
    const count = Math.ceil(NAMESPACE_BYTES_MAX / quorumSet.length) + 1;
    for (let index = 0; index < count; index += 1) watched.put(StellarNodes, large(`m${index}`, 'mallory'));
    await watched.start();
    const { nodes } = watched.memberships.world;
    const unread = () => [...nodes].filter(([, { kind }]) => kind === 'unreadable').map(([key]) => key);
    const [first = ''] = unread();
    const readable = [...nodes].find(([, { kind }]) => kind === 'validator')?.[0] ?? '';
    await watched.kube.delete({
      resource: StellarNodes,
      namespace: 'mallory',
      name: readable.split('/')[1] ?? '',
    });
    const name = first.split('/')[1] ?? '';
    const ref = { resource: StellarNodes, namespace: 'mallory', name };
    await watched.kube.patch(ref, [{ op: 'add', path: '/metadata/annotations', value: { a: 'b' } }]);
    await watched.pass(100);
    assert.equal(nodes.get(first)?.kind, 'validator');
  });
});

describe('many namespaces, none of which has too much', () => {
  const BYTES_MAX = 4 * MEGABYTE;
  const COUNT_EACH = 10;
  const largeOf = (name: string, namespace: string, kib: number) =>
    node(name, { namespace, spec: { validatorConfig: { quorumSet: 'x'.repeat(kib * 1024) } } });
  const large = (name: string, namespace: string) => largeOf(name, namespace, 60);
  const keptBytes = (nodes: ReadonlyMap<string, NodeReading>) =>
    [...nodes.values()].reduce((sum, facts) => sum + weightOf(facts), 0);

  for (const when of ['before we watch', 'while we watch'] as const)
    it(`have less kept of each, so that the sum stays small, and all is kept of small namespaces: ${when}`, async (t) => {
      const watched = new Watched(t, { room: new Room(BYTES_MAX) });
      watched.put(StellarNodes, large('a', 'stellar'), large('b', 'stellar'));
      const attack = () => {
        for (let index = 0; index < 20 * COUNT_EACH; index += 1)
          watched.put(StellarNodes, large(`m${index}`, `mallory-${index % 20}`));
      };
      if (when === 'before we watch') attack();
      await watched.start();
      if (when === 'while we watch') attack();
      watched.put(StellarNodes, large('c', 'zoe'));
      for (let passes = 0; passes < 20; passes += 1) await watched.pass(1_000);
      const { nodes } = watched.memberships.world;
      assert.equal(nodes.size, 20 * COUNT_EACH + 3);
      assert.ok(keptBytes(nodes) <= 1.2 * BYTES_MAX, `${keptBytes(nodes) / MEGABYTE} MiB are kept`);
      const kindOf = (key: string) => nodes.get(key)?.kind;
      assert.deepEqual(['stellar/a', 'stellar/b', 'zoe/c'].map(kindOf), Array(3).fill('validator'));
    });

  it('stay within the limit also at the start, while they are listed again', async (t) => {
    const watched = new Watched(t, { room: new Room(BYTES_MAX) });
    for (let index = 0; index < 20 * COUNT_EACH; index += 1)
      watched.put(StellarNodes, large(`m${index}`, `mallory-${index % 20}`));
    const { list } = watched.kube;
    const kept: number[] = [];
    watched.kube.list = (resource, query, read) => {
      if (resource === StellarNodes) kept.push(keptBytes(watched.memberships.world.nodes));
      return list(resource, query, read);
    };
    await watched.start();
    for (let passes = 0; passes < 20; passes += 1) await watched.pass(1_000);
    assert.ok(kept.length > 1, 'they were listed again');
    assert.ok(Math.max(...kept) <= 1.2 * BYTES_MAX, `${Math.max(...kept) / MEGABYTE} MiB were kept`);
  });

  it('never have more kept than there is room for, however many namespaces there are', async (t) => {
    const watched = new Watched(t, { room: new Room(BYTES_MAX) });
    await watched.start();
    for (let wave = 0; wave < 4; wave += 1) {
      for (let index = 0; index < 200; index += 1) {
        const namespace = `mallory-${wave}-${index % 20}`;
        watched.put(StellarNodes, largeOf(`m${index}`, namespace, 30));
      }
      for (let passes = 0; passes < 20; passes += 1) await watched.pass(1_000);
    }
    const bytes = keptBytes(watched.memberships.world.nodes);
    assert.ok(bytes <= 1.6 * BYTES_MAX, `${bytes / MEGABYTE} MiB are kept`);
    // The first and only object of a namespace.
    watched.put(StellarNodes, largeOf('z', 'zoe', 30));
    await watched.pass(1_000);
    const why = watched.memberships.discovery().skipped.get('zoe/z');
    assert.deepEqual(why, { code: 'TooLargeToRead', detail: 'more than 6 MiB in all namespaces together' });
  });

  it('have less kept even if a list fails in between, and no Namespace object holds the restarts of another namespace', async (t) => {
    const watched = new Watched(t, { room: new Room(BYTES_MAX) });
    watched.put(Namespaces, { metadata: { name: 'stellar', labels: { a: 'b' } } });
    for (let index = 0; index < 60; index += 1)
      watched.put(StellarNodes, largeOf(`v${index}`, 'stellar', 10));
    await watched.start();
    const { list } = watched.kube;
    let lists = 0;
    watched.kube.list = async (resource, query, read) => {
      const found = await list(resource, query, read);
      if (resource !== StellarNodes) return found;
      lists += 1;
      if (lists > 1) return found;
      throw new KubeError('the last page failed', { status: 503 });
    };
    for (let index = 0; index < 70; index += 1)
      watched.put(StellarNodes, large(`m${index}`, `mallory-${index % 7}`));
    for (let passes = 0; passes < 60; passes += 1) await watched.pass(1_000);
    const { nodes, namespaces } = watched.memberships.world;
    assert.ok(lists > 1, 'the list failed, and came again');
    assert.ok(keptBytes(nodes) <= 1.2 * BYTES_MAX, `${keptBytes(nodes) / MEGABYTE} MiB are kept`);
    assert.equal(namespaces.get('stellar')?.rollout, undefined);
    const isRead = ([key, { kind }]: readonly [string, NodeReading]) =>
      key.startsWith('stellar/') && kind === 'validator';
    assert.ok([...nodes].filter(isRead).length >= 30);
  });

  it('keep no room for deleted objects of a list that failed', async (t) => {
    const watched = new Watched(t);
    for (let index = 0; index < 200; index += 1) watched.put(StellarNodes, large(`old${index}`, 'stellar'));
    const { list } = watched.kube;
    let hasFailed = false;
    watched.kube.list = async (resource, query, read) => {
      const found = await list(resource, query, read);
      if (resource !== StellarNodes || hasFailed) return found;
      hasFailed = true;
      for (let index = 0; index < 200; index += 1)
        await watched.kube.delete({ resource, namespace: 'stellar', name: `old${index}` }, {});
      throw new KubeError('the last page failed', { status: 503 });
    };
    void watched.start();
    for (let passes = 0; passes < 20; passes += 1) await watched.pass(1_000);
    for (let index = 0; index < 100; index += 1) watched.put(StellarNodes, large(`new${index}`, 'stellar'));
    for (let passes = 0; passes < 20; passes += 1) await watched.pass(1_000);
    const { nodes } = watched.memberships.world;
    assert.equal([...nodes.values()].filter(({ kind }) => kind === 'validator').length, 100);
  });

  it('have no more kept in a live read than in the caches', async (t) => {
    const room = new Room(BYTES_MAX);
    const watched = new Watched(t, { room });
    for (let index = 0; index < 20 * COUNT_EACH; index += 1)
      watched.put(StellarNodes, large(`m${index}`, `mallory-${index % 20}`));
    await watched.start();
    const scope = { ownNamespace: 'stellar-peers', watchNamespaces: [] };
    const { world } = await readWorldLive(watched.kube, scope, undefined, room.emptyCopy());
    assert.ok(keptBytes(world.nodes) <= 1.2 * BYTES_MAX);
  });

  it('stay within the limit in a live read, even if they have grown since the caches were read', async () => {
    const kube = new MemoryKube();
    for (let index = 0; index < 20 * COUNT_EACH; index += 1)
      kube.seed(StellarNodes, [large(`m${index}`, `mallory-${index % 20}`)] as unknown as KubeObject[]);
    const scope = { ownNamespace: 'stellar-peers', watchNamespaces: [] };
    const { world } = await readWorldLive(kube, scope, undefined, new Room(BYTES_MAX).emptyCopy());
    const bytes = keptBytes(world.nodes);
    assert.ok(bytes <= 1.6 * BYTES_MAX, `${bytes / MEGABYTE} MiB are kept`);
  });
});
