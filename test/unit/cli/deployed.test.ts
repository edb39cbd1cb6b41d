/** A command uses the settings of the running Deployment, wherever these are set. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingsInForce } from '../../../cli/deployed.ts';
import { ProblemError } from '../../../cli/exit.ts';
import { KubeError } from '../../../runtime/kube/port.ts';
import { ConfigMaps, Deployments } from '../../../runtime/kube/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';

const NAMESPACE = 'stellar-peers';
const SOURCES = { namespace: NAMESPACE, env: { ROLL_BELOW: '3', MAX_PEERS: '5' } };

/** A cluster whose Deployment has this container. */
function kubeWith(container: object): MemoryKube {
  const kube = new MemoryKube();
  const metadata = { name: 'stellar-peers', namespace: NAMESPACE, uid: 'u' };
  const containers = [
    { name: 'sidecar', env: [{ name: 'ROLL_BELOW', value: '1' }] },
    { name: 'stellar-peers', ...container },
  ];
  kube.seed(Deployments, [{ metadata, spec: { template: { spec: { containers } } } }]);
  const data = { MAX_PEERS: '9', below: '7' };
  kube.seed(ConfigMaps, [{ metadata: { name: 'shared', namespace: NAMESPACE, uid: 'm' }, data }]);
  return kube;
}

describe('the settings in force', () => {
  it('are those of the Deployment, and the environment of the command changes none', async () => {
    const kube = kubeWith({ env: [{ name: 'ROLL_BELOW', value: 'all' }] });
    const { settings, notes } = await settingsInForce(kube, SOURCES);
    assert.deepEqual([settings.rollBelow, settings.maxPeers, notes], ['all', 24, []]);
  });

  it('are found in ConfigMaps too, and a single variable overrides a whole map', async () => {
    const kube = kubeWith({
      envFrom: [{ configMapRef: { name: 'shared' } }],
      env: [{ name: 'ROLL_BELOW', valueFrom: { configMapKeyRef: { name: 'shared', key: 'below' } } }],
    });
    const { settings } = await settingsInForce(kube, SOURCES);
    assert.deepEqual([settings.rollBelow, settings.maxPeers], ['7', 9]);
    const over = kubeWith({
      envFrom: [{ configMapRef: { name: 'shared' } }],
      env: [{ name: 'MAX_PEERS', value: '4' }],
    });
    assert.equal((await settingsInForce(over, SOURCES)).settings.maxPeers, 4);
  });

  it('are the defaults, with a note, if their values cannot be read', async () => {
    const secretKeyRef = { name: 's', key: 'k' };
    const kube = kubeWith({
      env: [
        { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        { name: 'ROLL_BELOW', valueFrom: { secretKeyRef } },
      ],
    });
    const { settings, notes } = await settingsInForce(kube, SOURCES);
    assert.deepEqual([settings.rollBelow, settings.namespace], ['8', NAMESPACE]);
    assert.deepEqual(notes, [
      'ROLL_BELOW of the Deployment cannot be read from here, so the defaults are used.',
    ]);
  });

  it('have the domain of the cluster from the names that the replicas publish', async () => {
    const kube = kubeWith({});
    const dns = 'v-0.v-headless.stellar.svc.k8s.example';
    const peers = [{ name: 'v-0', dns }];
    // In the format of the leader.
    const data = { 'networks.json': JSON.stringify([{ peers }], undefined, 1) };
    const domain = async () => (await settingsInForce(kube, SOURCES)).settings.clusterDomain;
    assert.equal(await domain(), 'cluster.local');
    kube.seed(ConfigMaps, [{ metadata: { name: 'stellar-peers', namespace: NAMESPACE, uid: 'p' }, data }]);
    assert.equal(await domain(), 'k8s.example');
    const set = kubeWith({ env: [{ name: 'CLUSTER_DOMAIN', value: 'set.example' }] });
    assert.equal((await settingsInForce(set, SOURCES)).settings.clusterDomain, 'set.example');
  });

  it('come with a note if the leader found CLUSTER_DOMAIN wrong, and how to correct the setting', async () => {
    const told = async (value: string) => {
      const kube = kubeWith({ env: [{ name: 'CLUSTER_DOMAIN', value }] });
      const data = { discovery_metadata: '{"peer_count":3,"cluster_domain":"k8s.example"}\n' };
      kube.seed(ConfigMaps, [{ metadata: { name: 'stellar-peers', namespace: NAMESPACE, uid: 'p' }, data }]);
      return (await settingsInForce(kube, SOURCES)).notes;
    };
    assert.deepEqual(await told('wrong.example'), [
      'CLUSTER_DOMAIN is wrong.example, where the leader can resolve no name; its pod is told k8s.example. ' +
        'Unset CLUSTER_DOMAIN (with Helm or GitOps, in the values or in Git): kubectl -n stellar-peers set env deployment/stellar-peers CLUSTER_DOMAIN-',
    ]);
    assert.deepEqual(await told('k8s.example'), []);
  });

  it('are overridden by the options of the command', async () => {
    const kube = kubeWith({ env: [{ name: 'ROLL_BELOW', value: 'all' }] });
    const asked = { ...SOURCES, overrides: { ROLL_BELOW: '2' } };
    assert.equal((await settingsInForce(kube, asked)).settings.rollBelow, '2');
  });

  it('are those of the environment, with a note, if there is no Deployment or no right to read the Deployment', async () => {
    const none = await settingsInForce(new MemoryKube(), SOURCES);
    const refusing = kubeWith({});
    refusing.intercept = () => {
      throw new KubeError('forbidden', { status: 403 });
    };
    const refused = await settingsInForce(refusing, SOURCES);
    for (const { settings } of [none, refused])
      assert.deepEqual([settings.rollBelow, settings.maxPeers, settings.namespace], ['3', 5, NAMESPACE]);
    assert.match(
      none.notes.join(),
      /^There is no Deployment stellar-peers\/stellar-peers, .*own environment\.$/,
    );
    assert.match(refused.notes.join(), /^You may not read Deployment stellar-peers\/stellar-peers, /);
  });

  it('are not guessed if this version does not accept them, or the cluster does not answer', async () => {
    const kube = kubeWith({ env: [{ name: 'ROLL_BELOW', value: 'few' }] });
    await assert.rejects(settingsInForce(kube, SOURCES), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.match(error.message, /has a setting that this version does not take: ROLL_BELOW="few"/);
      return true;
    });
    const silent = kubeWith({});
    silent.intercept = () => {
      throw new KubeError('no answer', { status: 0 });
    };
    await assert.rejects(settingsInForce(silent, SOURCES), KubeError);
  });
});
