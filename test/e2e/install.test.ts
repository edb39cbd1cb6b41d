/** Installed, upgraded from the previous release, removed and installed again under running validators. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, Services, StatefulSets } from '../../runtime/kube/resources.ts';
import { rendered } from '../../scripts/manifests.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { Deployment } from '../cluster/deployment.ts';
import { installManifests } from '../cluster/install.ts';
import { Network, THREE } from '../cluster/network.ts';
import { createScene } from '../cluster/scene.ts';
import { settled, untilWorkloadsRest } from '../cluster/settled.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';
import { tracesOf } from '../cluster/traces.ts';
import { until } from '../cluster/until.ts';
import { caBundleDuring } from '../e2e-more/trusted.ts';

const PREVIOUS = readFileSync(new URL('fixtures/previous-release.yaml', import.meta.url), 'utf8');
const OLDER = ['older-1', 'older-2'];
const [FIRST = '', SECOND = '', THIRD = ''] = THREE;

const keysIn = (yaml: string): string[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS() as KubeObject)
    .map(({ kind, metadata: { namespace = '', name } }) => `${kind} ${namespace}/${name}`);

/** These tests depend on each other and run in this order. */
describe('under running validators', () => {
  const scene = sceneOf(() => createScene());
  let deployment: Deployment;
  /** Validators from before the first installation, which are not adopted. */
  const older = new Network(scene, 'older');
  /** Validators of the installation. */
  const network = new Network(scene, 'stellar');
  /** The UIDs of all pods, after the one restart that the tests expect. */
  let sinceUids: Record<string, readonly string[]>;

  const uids = () =>
    Object.fromEntries(
      [...OLDER.map(older.podOf), ...THREE.map(network.podOf)].map((pod) => [
        pod,
        scene.pods.lives(pod).map(({ uid }) => uid),
      ]),
    );
  /** Asserts that every pod is still the same. */
  const assertNoRestart = () => assert.deepEqual(uids(), sinceUids);
  const untilSettled = () => settled({ cluster: scene.cluster, replicas: { replicas: deployment.running } });
  /** Applies as the README says: client-side, over the existing objects. */
  const apply = (yaml: string) =>
    installManifests(scene.cluster, { webhookUrl: scene.webhookUrl, rendered: yaml, flags: [] });

  before(async () => {
    deployment = new Deployment(scene);
    await older.found(OLDER);
    await older.untilReady(OLDER);
    await older.untilOlder(OLDER);
  });

  it('the previous release is installed and works', async () => {
    await apply(PREVIOUS);
    await deployment.roll();
    await network.foundUpToDate([FIRST, SECOND]);
    await network.add(THIRD);
    await network.untilTheyKnow(THREE);
    // This restart of ours leaves an annotation on a template.
    assert.equal(network.restarts(THREE)[FIRST], 1);
    assert.deepEqual(older.restarts(OLDER), { 'older-1': 0, 'older-2': 0 });
    sinceUids = uids();
  });

  it('an upgrade to this release restarts no validator and never empties caBundle', async () => {
    const states = await caBundleDuring(scene.cluster, async () => {
      await apply(rendered('base'));
      await deployment.roll();
      await untilSettled();
    });
    assertNoRestart();
    assert.ok(!states.includes(0), `CAs in caBundle: ${states}`);
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(`${name} .* Current`));
    for (const name of OLDER) assert.match(status, new RegExp(`${name} .* AwaitingAdoption`));
  });

  it('an upgrade leaves no object that this release does not have', () => {
    const now = new Set(keysIn(rendered('base')));
    assert.deepEqual(
      keysIn(PREVIOUS).filter((key) => !now.has(key)),
      [],
    );
  });

  it('is removed in the documented order without a restart', async () => {
    const { cluster } = scene;
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'stellar-peers']);
    // A person may take as long for the second command, so the leader has seen that its webhook is gone.
    await untilSettled();
    assertNoRestart();
    const removal = cluster.kubectl(['delete', '--ignore-not-found', '-f', '-'], rendered('base'));
    await Promise.all([removal, deployment.end()]);
    await untilWorkloadsRest(cluster);
    assertNoRestart();
  });

  it('leaves exactly the objects that the documents name', async () => {
    const traces = await tracesOf(scene.cluster);
    // Events, and objects that Kubernetes derives from others, go by themselves.
    const derived = /^(Event|EndpointSlice|ControllerRevision) /;
    const wanted = [
      ...['older', 'stellar'].map((namespace) => `ConfigMap ${namespace}/stellar-peers`),
      ...OLDER.map((name) => `Service older/${name}-headless`),
      ...THREE.map((name) => `Service stellar/${name}-headless`),
      // The pods keep their injected volumes and annotations.
      ...THREE.map((name) => `Pod stellar/${name}-0`),
      // The templates keep the annotation of a restart.
      ...[FIRST, SECOND].map((name) => `StatefulSet stellar/${name}`),
    ];
    assert.deepEqual(
      traces.filter((trace) => !derived.test(trace)),
      wanted.sort(),
    );
    const places = traces.filter((trace) => derived.test(trace)).map((trace) => /(\S+)\//.exec(trace)?.[1]);
    assert.deepEqual(
      places.filter((namespace) => !['older', 'stellar'].includes(namespace ?? '')),
      [],
    );
  });

  it('leaves only annotations on the StatefulSets', async () => {
    const set = await scene.cluster.admin.get({
      resource: StatefulSets,
      namespace: 'stellar',
      name: FIRST,
    });
    assert.ok(set);
    const { template } = set.spec as { template: KubeObject };
    const ours = (annotations: Record<string, string> = {}) =>
      Object.keys(annotations).filter((key) => key.startsWith('stellar.org/peer'));
    assert.deepEqual(ours(template.metadata.annotations), ['stellar.org/peer-restart']);
    assert.ok(!JSON.stringify(template.spec).includes('stellar-peers'));
    for (const key of ours(set.metadata.annotations)) assert.equal(key, 'stellar.org/peer-fence');
  });

  it('is installed again without a restart', async () => {
    await apply(rendered('base'));
    await deployment.roll();
    await untilSettled();
    assertNoRestart();
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(`${name} .* Current`));
  });

  it('the documented command removes the rest, and deleting a StellarNode removes its Service', async () => {
    const { cluster } = scene;
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'stellar-peers']);
    const removal = cluster.kubectl(['delete', '--ignore-not-found', '-f', '-'], rendered('base'));
    await Promise.all([removal, deployment.end()]);
    const label = ['-l', 'app.kubernetes.io/managed-by=stellar-peers'];
    const field = ['--field-selector', 'metadata.name=stellar-peers'];
    await cluster.kubectl(['delete', 'configmap', '-A', ...label, ...field]);
    const { items } = await cluster.admin.list(ConfigMaps, {});
    assert.deepEqual(
      items.filter(({ metadata }) => metadata.name === 'stellar-peers'),
      [],
    );
    await untilWorkloadsRest(cluster);
    assertNoRestart();
    await network.remove(FIRST);
    await until('its Service is gone', async () => {
      const ref = { resource: Services, namespace: 'stellar', name: `${FIRST}-headless` };
      return (await cluster.admin.get(ref)) === undefined;
    });
  });

  it('RBAC has refused no request', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
