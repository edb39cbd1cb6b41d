/** Peers in stellar-core's configuration: pods as a real API server stores them, and the script as it really runs. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parse } from 'smol-toml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { dryRun, podOfSet } from '../cluster/dry-run.ts';
import { startPod } from '../cluster/kubelet.ts';
import { Network, THREE } from '../cluster/network.ts';
import { CONFIG_HINT } from '../cluster/operator-objects.ts';
import { addressOf } from '../cluster/published.ts';
import { podNow } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const CFG = '/config/stellar-core.cfg';
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };

interface Container {
  name: string;
  image: string;
  resources?: object;
  securityContext?: object;
  volumeMounts: Array<{ name: string; mountPath: string; readOnly?: boolean; subPath?: string }>;
}
interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes: Array<{ name: string; emptyDir?: { medium?: string }; configMap?: { name: string } }>;
}
const specOf = (pod: KubeObject | undefined) => pod?.spec as unknown as PodSpec;
const mainOf = (pod: KubeObject) => {
  const main = specOf(pod).containers.find(({ name }) => name === 'stellar-node');
  assert.ok(main);
  return main;
};
const isMerged = (pod: KubeObject): boolean =>
  (specOf(pod).initContainers ?? []).some(({ name }) => name === 'stellar-peers-config');

describe('merged configuration', () => {
  const scene = startedScene(() => sharedScene({ replicas: 1, env: { CORE_HTTP_PORT: '0' } }));
  const network = new Network(scene, 'merged');
  let set: KubeObject;

  /** Changes a pod of validator-1's StatefulSet, and creates it as a dry run: the pod as the API server would store it. */
  const create = (change: (pod: KubeObject) => void) => {
    const pod = podOfSet(set, { namespace: 'merged', name: 'changed' });
    change(pod);
    return dryRun(scene.cluster, pod);
  };
  const annotate = (value: string) =>
    scene.cluster.kubectl(['-n', 'merged', 'annotate', 'stellarnode', 'validator-1', value, '--overwrite']);

  before(async () => {
    await scene.cluster.createNamespace('merged', RESTRICTED);
    await Promise.all(THREE.map((name) => network.add(name)));
    await network.untilTheyKnow(THREE);
    const ref = { resource: StatefulSets, namespace: 'merged', name: 'validator-1' };
    set = await until('validator-1 has a StatefulSet', () => scene.cluster.admin.get(ref));
  });

  it('is read by a validator as the operator makes it, without an annotation, under Pod Security restricted', async () => {
    for (const name of THREE) {
      const started = await startPod(scene.cluster, { namespace: 'merged', name: `${name}-0` });
      assert.equal(started.init?.message, 'Merged KNOWN_PEERS 2');
      assert.deepEqual(
        { ...parse(started.read(CFG)) },
        {
          KNOWN_PEERS: THREE.filter((other) => other !== name).map((other) => addressOf('merged', other)),
          CATCHUP_COMPLETE: false,
          CATCHUP_RECENT: 60_480,
        },
      );
    }
  });

  it('leaves all other files of the folder in place', async () => {
    const started = await startPod(scene.cluster, { namespace: 'merged', name: 'validator-2-0' });
    assert.deepEqual(started.list('/config').sort(), ['NETWORK_PASSPHRASE', 'stellar-core.cfg']);
    assert.equal(started.read('/config/NETWORK_PASSPHRASE'), 'Scene ; November 2026');
  });

  it('is written by the main container’s own image, as the same user, in memory', async () => {
    const pod = await podNow(scene, 'validator-1-0', 'merged');
    assert.ok(pod);
    const main = mainOf(pod);
    const init = specOf(pod).initContainers?.find(({ name }) => name === 'stellar-peers-config');
    assert.equal(init?.image, main.image);
    assert.deepEqual(init?.securityContext, {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const volume = specOf(pod).volumes.find(({ name }) => name === 'stellar-peers-config');
    assert.equal(volume?.emptyDir?.medium, 'Memory');
    const [config] = main.volumeMounts.filter(({ mountPath }) => mountPath === '/config');
    assert.deepEqual(config, { name: 'stellar-peers-config', mountPath: '/config', readOnly: true });
  });

  it('is left out if the StellarNode says off, or if the image is not known to have a shell', async () => {
    const other = await create((pod) => {
      mainOf(pod).image = 'example/validator:1';
    });
    assert.equal(isMerged(other.pod), false);
    assert.deepEqual(other.warnings, []);
    await annotate('stellar.org/peer-config=off');
    const pod = await until('the annotation is seen', async () => {
      const { pod: next } = await create(() => undefined);
      return isMerged(next) ? undefined : next;
    });
    const mounts = mainOf(pod).volumeMounts.filter(({ mountPath }) => mountPath === '/config');
    assert.deepEqual(mounts, [{ name: 'config', mountPath: '/config', readOnly: true }]);
    await annotate('stellar.org/peer-config-');
    await until(
      'the merge is on again',
      async () => isMerged((await create(() => undefined)).pod) || undefined,
    );
  });

  it('is written to the path in the StellarNode’s annotation, for an image of any name', async (t) => {
    await annotate('stellar.org/peer-config=/opt/core/own.cfg');
    t.after(() => annotate('stellar.org/peer-config-'));
    const changed = (pod: KubeObject) => {
      const main = mainOf(pod);
      main.image = 'example/validator:1';
      for (const mount of main.volumeMounts) if (mount.name === 'config') mount.mountPath = '/opt/core';
    };
    const pod = await until('the annotation is seen', async () => {
      const { pod: next } = await create(changed);
      return isMerged(next) ? next : undefined;
    });
    const places = Object.fromEntries(
      mainOf(pod).volumeMounts.map(({ name, mountPath }) => [name, mountPath]),
    );
    assert.equal(places['stellar-peers-config'], '/opt/core');
    assert.equal(places.config, '/etc/stellar/peers-original');
  });

  it('does not change a subPath mount, and gives a warning', async () => {
    const { pod, warnings } = await create((changed) => {
      for (const mount of mainOf(changed).volumeMounts) {
        if (mount.name === 'config') Object.assign(mount, { mountPath: CFG, subPath: 'stellar-core.cfg' });
      }
    });
    assert.equal(isMerged(pod), false);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /ConfigNotReplaceable.*subPath/);
  });

  it('keeps the pod’s QoS class and the limits of a LimitRange', async (t) => {
    const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'least', namespace: 'merged' } };
    const limits = [{ type: 'Container', min: { cpu: '100m', memory: '64Mi' } }];
    await scene.cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ ...range, spec: { limits } }));
    t.after(() => scene.cluster.kubectl(['-n', 'merged', 'delete', 'limitrange', 'least']));
    const own = { cpu: '500m', memory: '1Gi' };
    const { pod } = await create((changed) => {
      for (const container of specOf(changed).containers)
        container.resources = { requests: own, limits: own };
    });
    assert.ok(isMerged(pod));
    assert.equal((pod.status as { qosClass?: string }).qosClass, 'Guaranteed');
  });

  it('stays unchanged if it already has both keys, with an Event and without a restart', async () => {
    const own = 'KNOWN_PEERS=["core.example.org"]\nPREFERRED_PEERS=["core.example.org"]\n';
    const taken = new Network(scene, 'taken');
    await scene.cluster.createNamespace('taken');
    await taken.add('validator-1', { annotations: { [CONFIG_HINT]: own } });
    await taken.add('validator-2');
    await taken.untilTheyKnow(['validator-1', 'validator-2']);
    const started = await startPod(scene.cluster, { namespace: 'taken', name: 'validator-1-0' });
    assert.equal(started.init?.message, 'BothTaken');
    assert.equal(started.read(CFG), own);
    const told = () => eventsIn(scene.cluster, 'taken');
    const event = await until('an Event says so', async () =>
      (await told()).find(({ reason }) => reason === 'BothTaken'),
    );
    assert.deepEqual([event.node, event.type], ['validator-1', 'Warning']);
    await taken.add('validator-3');
    await taken.untilReady(['validator-3']);
    await scene.pods.until(
      'validator-2 is rolled',
      () => taken.restarts(['validator-2'])['validator-2'] === 1,
    );
    await taken.untilReady(THREE);
    await settled(scene);
    assert.deepEqual(taken.restarts(THREE), { 'validator-1': 0, 'validator-2': 1, 'validator-3': 0 });
    assert.match(await statusOf(scene.cluster), /taken +validator-1 .*BothTaken/);
  });

  it('gets our peers if it has PREFERRED_PEERS_ONLY, with an Event and without a restart', async () => {
    const own = 'PREFERRED_PEERS_ONLY=true\nPREFERRED_PEERS=["core.example.org"]\n';
    const only = new Network(scene, 'only');
    await scene.cluster.createNamespace('only');
    await only.add('validator-1', { annotations: { [CONFIG_HINT]: own } });
    await only.add('validator-2');
    await only.untilTheyKnow(['validator-1', 'validator-2']);
    const started = await startPod(scene.cluster, { namespace: 'only', name: 'validator-1-0' });
    assert.equal(started.init?.message, 'PeersIgnored KNOWN_PEERS 1');
    assert.deepEqual(parse(started.read(CFG)).KNOWN_PEERS, [addressOf('only', 'validator-2')]);
    const event = await until('an Event says so', async () =>
      (await eventsIn(scene.cluster, 'only')).find(({ reason }) => reason === 'PeersIgnored'),
    );
    assert.deepEqual([event.node, event.type], ['validator-1', 'Warning']);
    await settled(scene);
    assert.deepEqual(only.restarts(['validator-1']), { 'validator-1': 0 });
  });
});
