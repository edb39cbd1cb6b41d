/** Published ConfigMaps keep their content on a real API server, whatever other writers do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { addressOf, Published } from '../cluster/published.ts';
import type { Replicas } from '../cluster/replica.ts';
import { createValidator, type Scene } from '../cluster/scene.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

/** A long stabilization, so that no validator is restarted: these tests are about lists. */
const QUIET = { STABILIZATION_SECONDS: '600' };
const KEY = 'validator-1.peers.txt';
/** Keys of the upstream operator's own discovery. */
const UPSTREAM_KEYS = ['peers.json', 'peers.txt', 'peer_count'];

const configMap = (namespace: string): ObjectRef => ({
  resource: ConfigMaps,
  namespace,
  name: 'stellar-peers',
});

/** Data keys by the field manager that holds them. */
function holdersOf(object: KubeObject | undefined): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const { manager = '', fieldsV1 } of object?.metadata.managedFields ?? []) {
    const data = (fieldsV1 as Record<string, object> | undefined)?.['f:data'] ?? {};
    keys[manager] = Object.keys(data).map((key) => key.replace('f:', ''));
  }
  return keys;
}

/** A list that is published again after an edit has a new time. */
const withoutTime = (text: string) => text.replace(/"publishedAt":"[^"]*"/, '');

describe('publishing', () => {
  let scene: Scene;
  let replicas: Replicas;
  let published: Published;

  const [one, two, three] = [1, 2, 3].map((ordinal) => addressOf('stellar', `validator-${ordinal}`));
  const edit = (namespace: string, data: Record<string, string | null>) =>
    scene.cluster.kubectl([
      ...['patch', 'configmap', 'stellar-peers', '-n', namespace, '--type=merge'],
      ...['--field-manager=kubectl-edit', '-p', JSON.stringify({ data })],
    ]);
  const applyAs = (manager: string, namespace: string, data: Record<string, string>) =>
    scene.cluster.admin.apply(
      configMap(namespace),
      { metadata: { name: 'stellar-peers', namespace }, data },
      { manager, force: true },
    );
  const published123 = () =>
    published.untilPeers({
      'stellar/validator-1': [two ?? '', three ?? ''],
      'stellar/validator-2': [one ?? '', three ?? ''],
      'stellar/validator-3': [one ?? '', two ?? ''],
    });

  before(async () => {
    scene = await sharedScene({ env: QUIET });
    published = new Published(scene.cluster.admin);
    replicas = await scene.start();
    await scene.cluster.createNamespace('stellar');
    await Promise.all(
      ['validator-1', 'validator-2', 'validator-3'].map((name) => createValidator(scene, name)),
    );
    await published123();
    await published.until('all three are in the overview', () => published.knownPeers().length === 3);
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  for (const [what, namespace, key] of [
    ['a validator’s file', 'stellar', KEY],
    ['a validator’s fragment', 'stellar', 'validator-2.peers.toml'],
    ['a validator’s view', 'stellar', 'validator-3.view.json'],
    ['the overview', 'stellar-peers', 'KNOWN_PEERS'],
  ] as const) {
    it(`restores ${what} if a person has changed or removed the key`, async () => {
      const read = () => withoutTime(published.data(namespace)[key] ?? '');
      const wanted = read();
      const isBack = () => read() === wanted;
      const isHeld = () => holdersOf(published.object(namespace))['kubectl-edit']?.includes(key) === true;
      const version = () => published.object(namespace)?.metadata.resourceVersion;
      for (const value of ['by hand', null]) {
        const before = version();
        await edit(namespace, { [key]: value });
        await published.until('the edit is seen', () => version() !== before);
        await published.until(`${key} is as before`, () => isBack() && !isHeld(), { seen: read });
      }
    });
  }

  it('keeps the keys that a person adds to the ConfigMap', async () => {
    await edit('stellar', { notes: 'call me before you touch validator-2' });
    await createValidator(scene, 'validator-9');
    const nine = addressOf('stellar', 'validator-9');
    await published.untilPeers({ 'stellar/validator-1': [two ?? '', three ?? '', nine] });
    assert.equal(published.data('stellar').notes, 'call me before you touch validator-2');
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'stellar', 'validator-9']);
    await edit('stellar', { notes: null });
    await published.until('the notes are gone', () => published.data('stellar').notes === undefined);
    await published123();
  });

  it('creates a deleted ConfigMap again: that of a namespace with validators, and the overview', async () => {
    for (const namespace of ['stellar', 'stellar-peers']) {
      const { metadata, data } = published.object(namespace) ?? { metadata: { name: '' } };
      await scene.cluster.kubectl(['delete', 'configmap', '-n', namespace, 'stellar-peers']);
      const keys = Object.keys(data ?? {}).sort();
      // The ConfigMap is created empty, and filled by a second write. So wait for all keys.
      await published.until(`the ConfigMap is back in ${namespace} with all its keys`, () => {
        const { uid = metadata.uid } = published.object(namespace)?.metadata ?? {};
        return uid !== metadata.uid && isDeepStrictEqual(Object.keys(published.data(namespace)).sort(), keys);
      });
    }
    await published123();
  });

  it('reports a key that another controller applies, and does not overwrite it', async () => {
    await applyAs('other-controller', 'stellar', { [KEY]: 'theirs\n' });
    await until('the metric says so', async () => {
      return (await metricOf(replicas.replicas, 'stellar_peers_waiting{reason="KeyConflict"}')) === 1;
    });
    const event = await until('an Event says so', async () =>
      (await eventsIn(scene.cluster, 'stellar')).find(({ reason }) => reason === 'KeyConflict'),
    );
    assert.deepEqual([event.node, event.type], ['validator-1', 'Warning']);
    assert.match(event.note, /validator-1\.peers\.txt/);
    assert.match(await statusOf(scene.cluster), /stellar +validator-1 .*KeyConflict/);
    // Other keys of the ConfigMap are still published, and this key stays as it is.
    await createValidator(scene, 'validator-4');
    const four = addressOf('stellar', 'validator-4');
    await published.untilPeers({ 'stellar/validator-2': [one ?? '', three ?? '', four] });
    assert.equal(published.data('stellar')[KEY], 'theirs\n');
    assert.match(published.data('stellar')['validator-1.peers.toml'] ?? '', /validator-4-0/);
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'stellar', 'validator-4']);
  });

  it('writes the key again when the other controller gives it up', async () => {
    await applyAs('other-controller', 'stellar', {});
    await published123();
    await until('nothing is reported any more', async () => {
      return (await metricOf(replicas.replicas, 'stellar_peers_waiting{reason="KeyConflict"}')) === 0;
    });
  });

  it('removes the ConfigMap with the last validator of its namespace', async () => {
    await scene.cluster.createNamespace('brief');
    await createValidator(scene, 'passing-1', { namespace: 'brief' });
    await createValidator(scene, 'passing-2', { namespace: 'brief' });
    await published.until('both are published', () => published.peersOf('brief', 'passing-2')?.length === 4);
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'brief', 'passing-1']);
    await published.until(
      'one validator is left',
      () => published.peersOf('brief', 'passing-1') === undefined,
    );
    assert.equal(published.peersOf('brief', 'passing-2')?.length, 3);
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'brief', 'passing-2']);
    await published.until('the ConfigMap is gone', () => published.object('brief') === undefined);
    await published123();
  });

  it('removes only its own keys from a ConfigMap with keys of others', async () => {
    const foreign = { edited: 'by a person', applied: 'by a controller' };
    await createValidator(scene, 'passing-3', { namespace: 'brief' });
    await published.until(
      'passing-3 is published',
      () => published.peersOf('brief', 'passing-3')?.length === 3,
    );
    await edit('brief', { edited: foreign.edited });
    await applyAs('other-controller', 'brief', { applied: foreign.applied });
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'brief', 'passing-3']);
    await published.until(
      'our keys are gone',
      () => Object.keys(published.data('brief')).sort().join() === 'applied,edited',
      { seen: () => published.object('brief') },
    );
    // Publishing to another namespace takes a pass, so no write to `brief` is outstanding afterwards.
    await createValidator(scene, 'validator-5');
    await published.until(
      'validator-5 is published',
      () => published.peersOf('stellar', 'validator-5') !== undefined,
    );
    assert.deepEqual(published.data('brief'), foreign);
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'stellar', 'validator-5']);
  });

  it('publishes at once in a namespace that is deleted and created again', async () => {
    for (const attempt of [1, 2]) {
      await scene.cluster.createNamespace('again');
      await Promise.all(
        ['again-1', 'again-2', 'again-3'].map((name) =>
          createValidator(scene, name, {
            namespace: 'again',
            spec: { customNetworkPassphrase: 'Again ; 2026' },
          }),
        ),
      );
      await scene.pods.until('its pods are Ready', (pods) =>
        [1, 2, 3].every((ordinal) => pods.isReady(`again/again-${ordinal}-0`)),
      );
      const isPublished = () => published.peersOf('again', 'again-3')?.length === 2;
      await published.until(`the ConfigMap is published, attempt ${attempt}`, isPublished, {
        deadlineMs: 15_000,
      });
      if (attempt === 2) break;
      await scene.cluster.kubectl(['delete', 'namespace', 'again', '--timeout=60s']);
    }
  });

  it('shares a ConfigMap with the upstream operator’s own discovery, and never owns its keys', async () => {
    await scene.cluster.createNamespace('stellar-system');
    const theirs = { 'peers.json': '[]', 'peers.txt': '10.0.0.1:11625', peer_count: '1' };
    await applyAs('stellar-operator', 'stellar-system', theirs);
    await createValidator(scene, 'inside', { namespace: 'stellar-system' });
    await published.until(
      'it is published',
      () => published.peersOf('stellar-system', 'inside')?.length === 3,
    );
    await applyAs('stellar-operator', 'stellar-system', { ...theirs, peer_count: '2' });
    const isTheirs = () => UPSTREAM_KEYS.every((key) => published.data('stellar-system')[key] !== undefined);
    await published.until('they count two', () => published.data('stellar-system').peer_count === '2');
    assert.ok(isTheirs());
    assert.equal(await metricOf(replicas.replicas, 'stellar_peers_waiting{reason="KeyConflict"}'), 0);
    for (const namespace of ['stellar', 'stellar-peers', 'stellar-system']) {
      const ours = holdersOf(published.object(namespace))['stellar-peers'] ?? [];
      assert.ok(ours.length > 0, namespace);
      assert.deepEqual(
        ours.filter((key) => UPSTREAM_KEYS.includes(key)),
        [],
      );
    }
    await scene.cluster.kubectl(['delete', 'stellarnode', '-n', 'stellar-system', 'inside']);
    await published.until('only the keys of the operator are left', () => {
      return Object.keys(published.data('stellar-system')).sort().join() === [...UPSTREAM_KEYS].sort().join();
    });
  });

  it('has restarted no validator, and no request was refused', async () => {
    const restarts = Object.entries(scene.pods.restarts()).filter(([pod]) => !pod.startsWith('again/'));
    assert.deepEqual(restarts, [], scene.pods.print());
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
