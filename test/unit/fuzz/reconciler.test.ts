/** A cluster in which anything may be of any content: the leader's passes go on, and the others are served. */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { fieldsOf, stringsOf } from '../../../peers/field.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { leaderOf, OWN } from '../reconciler/leader-loop.ts';
import { Restarting } from '../reconciler/restarting.ts';
import { node, pod, type Raw, statefulSet } from '../world.ts';
import { fuzz, oddOf } from './odd.ts';

/** The stage's validators, none of which is touched. */
const GOOD = ['a', 'b', 'c', 'd'];

/** What a cluster with one odd validator has of each kind, in the good ones' namespace. */
const KINDS: ReadonlyArray<readonly [kinds.Resource, readonly Raw[]]> = [
  [kinds.StellarNodes, [node('odd', { spec: { network: 'custom', customNetworkPassphrase: 'test net' } })]],
  [kinds.StatefulSets, [statefulSet('odd')]],
  [kinds.Pods, [pod('odd')]],
  [
    kinds.PodDisruptionBudgets,
    [{ metadata: { name: 'odd', namespace: 'stellar' }, spec: { selector: {} }, status: {} }],
  ],
  [
    kinds.Services,
    [{ metadata: { name: 'odd-headless', namespace: 'stellar' }, spec: { clusterIP: 'None' } }],
  ],
  [kinds.Namespaces, [{ metadata: { name: 'odd', labels: {} } }]],
  [
    kinds.ConfigMaps,
    [
      ...['stellar-peers-restarts', 'stellar-peers-external', 'stellar-peers'].map((name) => ({
        metadata: { name, namespace: OWN },
        data: { testnet: '{"restarts":[]}', KNOWN_PEERS: 'x' },
      })),
      { metadata: { name: 'stellar-peers', namespace: 'stellar' }, data: { 'a.peers.txt': 'x', notes: 'y' } },
    ],
  ],
];

/** By kind, what stands there instead of the valid object; its name and labels are what it is found by. */
const oddCluster = fc.array(
  fc.constantFrom(...KINDS).chain(([resource, raws]) =>
    fc.nat({ max: raws.length - 1 }).chain((index) => {
      const raw = raws[index] as Raw;
      return oddOf([raw], { shallow: true }).map(({ value }) => {
        const { name, namespace, labels } = raw.metadata;
        const { annotations, ownerReferences, creationTimestamp } = fieldsOf(value.metadata);
        const metadata = {
          annotations,
          ownerReferences,
          creationTimestamp,
          name,
          namespace,
          labels,
          uid: 'odd',
        };
        // The API server checks these as we would: texts only.
        const data = resource === kinds.ConfigMaps ? { data: stringsOf(value.data) } : {};
        return { resource, object: { ...value, ...data, metadata } as unknown as KubeObject };
      });
    }),
  ),
  { minLength: 1, maxLength: 5 },
);

async function play(t: TestContext, odds: ReadonlyArray<{ resource: kinds.Resource; object: KubeObject }>) {
  const stage = new Restarting();
  for (const { resource, object } of odds) stage.kube.seed(resource, [object]);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const { caches, running } = leaderOf(stage, stop.signal);
  for (let step = 0; step < 40; step += 1) {
    for (let count = 0; count < 6; count += 1) await turn();
    stage.clock.advance(step < 20 ? 100 : 2_000);
  }
  assert.ok(caches.synced(), 'some kind was never listed');
  stop.abort();
  stage.clock.advance(60_000);
  await running;
  return stage;
}

describe('a cluster of any content', () => {
  it('is reconciled pass after pass, and the good validators know each other', async (t) => {
    await fuzz(t, { runs: 60, values: oddCluster }, async (odds) => {
      const { kube, log } = await play(t, odds);
      assert.deepEqual(log.with(/reconcile failed|watch failed/), []);
      assert.ok(log.with(/published/).length > 0);
      const ref = { resource: kinds.ConfigMaps, namespace: 'stellar', name: 'stellar-peers' };
      const { data, foreignKeys } = readConfigMap(kube.observe(ref) ?? {});
      for (const name of GOOD) {
        const key = `${name}.peers.txt`;
        if (foreignKeys.includes(key)) continue;
        for (const other of GOOD.filter((each) => each !== name)) {
          assert.match(data[key] ?? '', new RegExp(`^${other}-0\\.`, 'm'), `${key} lacks ${other}`);
        }
      }
    });
  });
});
