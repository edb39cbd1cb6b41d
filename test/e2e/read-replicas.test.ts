/** The operator's other objects for a validator: read replicas, which stay unchanged, and a NetworkPolicy. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Finding } from '../../cli/check/check.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { runCommand } from '../cluster/command.ts';
import { Network, THREE } from '../cluster/network.ts';
import { podNow } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { metricOf, statusOf } from '../cluster/told.ts';

const READS = ['validator-1-read', 'validator-3-read'];
const FENCED = { spec: { networkPolicy: { enabled: true } } };

interface Spec {
  readonly initContainers?: unknown;
  readonly volumes: ReadonlyArray<{ readonly name: string }>;
}

/** These tests depend on each other and run in this order. */
describe("the operator's other objects for a validator:", () => {
  const scene = startedScene(() => sharedScene({ replicas: 1 }));
  const network = new Network(scene, 'reads', FENCED);

  const replicas = () => scene.replicas?.replicas ?? [];
  /** The number of reviews that took longer than a second. The shortest wait at admission is 1.5 s. */
  const slowReviews = async (): Promise<number> => {
    const series = 'stellar_peers_admission_duration_seconds';
    const quick = await metricOf(replicas(), `${series}_bucket{le="1"}`);
    return (await metricOf(replicas(), `${series}_count`)) - quick;
  };
  /** The findings of `check`, by id. */
  const checked = async (): Promise<Record<string, string>> => {
    const { stdout, stderr } = await runCommand(scene.cluster, ['check', '-o', 'json']);
    assert.notEqual(stdout, '', stderr);
    const { checks } = JSON.parse(stdout) as { checks: Finding[] };
    return Object.fromEntries(checks.map(({ id, verdict, found }) => [id, `${verdict}: ${found}`]));
  };

  before(async () => {
    await network.foundUpToDate();
    await settled(scene);
  });

  it('read replicas start as they are, and do not wait at admission', async () => {
    const slowBefore = await slowReviews();
    await network.change('validator-1', { readReplicaConfig: { replicas: 1 } });
    await network.change('validator-3', { readReplicaConfig: { replicas: 2 } });
    await network.untilReady(READS);
    for (const name of READS) {
      const pod = await podNow(scene, `${name}-0`, 'reads');
      const { initContainers, volumes } = (pod as KubeObject).spec as Spec;
      assert.equal(pod?.metadata.labels?.['stellar.org/node-type'], 'Validator');
      assert.equal(pod?.metadata.annotations?.['stellar.org/peers'], undefined);
      assert.equal(initContainers, undefined);
      assert.deepEqual(
        volumes.map((volume) => volume.name.replace(/-access-.*/, '')),
        ['config', 'kube-api'],
      );
    }
    const series = 'stellar_peers_admission_reviews_total{result="skipped:ReadReplica"}';
    assert.ok((await metricOf(replicas(), series)) >= READS.length);
    // One review may be slow on a busy machine. If read replicas waited, one review of each StatefulSet would be slow.
    const slow = (await slowReviews()) - slowBefore;
    assert.ok(slow < READS.length, `${slow} reviews took longer than a second`);
  });

  it('read replicas are not restarted when their validators are', async () => {
    await network.add('validator-4');
    await network.untilTheyKnow([...THREE, 'validator-4']);
    await settled(scene);
    assert.deepEqual(network.restarts([...THREE, ...READS]), {
      ...{ 'validator-1': 1, 'validator-2': 1, 'validator-3': 1 },
      ...{ 'validator-1-read': 0, 'validator-3-read': 0 },
    });
  });

  it('read replicas are in no list, and check names them', async () => {
    const ref = { resource: ConfigMaps, namespace: 'reads', name: 'stellar-peers' };
    const published = JSON.stringify((await scene.cluster.admin.get(ref))?.data);
    assert.match(published, /validator-4-0/);
    assert.doesNotMatch(published, /-read/);
    assert.doesNotMatch(await statusOf(scene.cluster), /-read/);
    const found = await checked();
    assert.equal(
      found.validators,
      'ok: 4 validators in 1 network; read replicas, left as they are: reads/validator-1-read, reads/validator-3-read',
    );
    assert.equal(found['open-http-port'], 'ok: the leader reaches 11626 of no validator');
  });

  it('check names a NetworkPolicy that keeps out peers of other namespaces, and says what to look at', async () => {
    const found = await checked();
    assert.match(
      found['network-policies'] ?? '',
      /^skipped: reads\/validator-1-netpol, .*: see that the rules let TCP 11625 in .* also in other namespaces/,
    );
  });
});
