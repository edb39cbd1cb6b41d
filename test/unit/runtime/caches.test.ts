import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SYNCED } from '../../../runtime/kube/caches.ts';
import {
  ConfigMaps,
  MutatingWebhookConfigurations,
  Namespaces,
  Pods,
  Services,
  StellarNodes,
} from '../../../runtime/kube/resources.ts';
import { failure } from '../stand-ins/memory-kube.ts';
import { node, pod, type Raw } from '../world.ts';
import { OWN, Watched } from './watched.ts';

const configMap = (namespace: string, name = 'stellar-peers'): Raw => ({
  metadata: { name, namespace },
  data: { key: 'value' },
});
const keys = (map: ReadonlyMap<string, unknown>) => [...map.keys()].sort();

describe('the caches', () => {
  it('hold only the objects and fields that decisions need', async (t) => {
    const watched = new Watched(t);
    watched.putValidators('a');
    watched.put(Pods, pod('a'), { metadata: { name: 'stranger', namespace: 'stellar', labels: {} } });
    watched.put(Namespaces, { metadata: { name: 'stellar' } });
    watched.put(Services, {
      metadata: { name: 'a-headless', namespace: 'stellar' },
      spec: { clusterIP: 'None' },
    });
    watched.put(ConfigMaps, configMap('stellar'), configMap('stellar', 'another'));
    watched.put(ConfigMaps, configMap(OWN), configMap(OWN, 'stellar-peers-restarts'));
    await watched.start();
    const { world } = watched.caches;
    assert.deepEqual(keys(world.nodes), ['stellar/a']);
    assert.deepEqual(keys(world.statefulSets), ['stellar/a']);
    assert.deepEqual(keys(world.pods), ['stellar/a-0']);
    assert.deepEqual(keys(world.namespaces), ['stellar']);
    assert.deepEqual(keys(world.services), ['stellar/a-headless']);
    assert.deepEqual(keys(world.configMaps), ['stellar', OWN]);
    assert.deepEqual(world.journal?.data, { key: 'value' });
  });

  it('report each change with its kind and key, until the listener unsubscribes', async (t) => {
    const watched = await Watched.over(t, 'a');
    let heard = 0;
    const end = watched.caches.onChange(() => {
      heard += 1;
    });
    watched.put(Pods, pod('a'));
    await watched.kube.delete({ resource: Pods, namespace: 'stellar', name: 'a-0' });
    end();
    watched.put(ConfigMaps, configMap('stellar'));
    assert.deepEqual(watched.told, ['Pod stellar/a-0', 'Pod stellar/a-0', 'ConfigMap stellar']);
    assert.equal(heard, 2);
  });

  it('are in sync when every kind has been listed, and report that once', async (t) => {
    const watched = new Watched(t);
    watched.kube.intercept = (request) => {
      if (request.startsWith('list') && request.endsWith('/poddisruptionbudgets'))
        throw failure(403, '', 'no');
    };
    let heard = 0;
    watched.caches.onChange((kind) => {
      if (kind === SYNCED) heard += 1;
    });
    await watched.start();
    assert.deepEqual([watched.caches.synced(), heard], [false, 0]);
    watched.kube.intercept = () => undefined;
    await watched.pass(250);
    assert.equal(watched.caches.synced(), true);
    assert.deepEqual(watched.told, [`${SYNCED} `]);
    watched.kube.feed.cut();
    await watched.pass(60_000);
    assert.equal(watched.caches.synced(), true);
    assert.deepEqual(watched.told, [`${SYNCED} `]);
  });

  it('are as old as the oldest of them', async (t) => {
    const watched = new Watched(t);
    await watched.start();
    await watched.pass(60_000);
    assert.equal(watched.caches.staleMs(), 0);
    watched.kube.intercept = (request) => {
      if (request.endsWith('/services')) throw failure(503, '', 'no');
    };
    watched.kube.feed.cut();
    await watched.settle();
    for (let second = 0; second < 30; second += 1) await watched.pass(1_000);
    assert.equal(watched.caches.staleMs(), 30_000);
  });

  it('for some namespaces hold the objects of these, and our own', async (t) => {
    const watched = new Watched(t, { watchNamespaces: ['one', 'two'] });
    const places = ['one', 'two', 'three', OWN];
    watched.put(StellarNodes, ...places.map((namespace) => node('a', { namespace })));
    watched.put(ConfigMaps, ...places.map((namespace) => configMap(namespace)));
    watched.put(Namespaces, ...places.map((name) => ({ metadata: { name } })));
    await watched.start();
    const { world } = watched.caches;
    assert.deepEqual(keys(world.nodes), ['one/a', 'two/a']);
    assert.deepEqual(keys(world.configMaps), ['one', OWN, 'two']);
    assert.deepEqual(keys(world.namespaces), ['one', 'two']);
    watched.put(StellarNodes, node('b', { namespace: 'three' }), node('b', { namespace: 'two' }));
    assert.deepEqual(watched.told, ['StellarNode two/b']);
  });

  it('report to a follower of the webhook configuration no other change', async (t) => {
    const watched = new Watched(t);
    watched.putValidators('a');
    let heard = 0;
    const end = watched.caches.onWebhookChange(() => {
      heard += 1;
    });
    await watched.start();
    assert.equal(heard, 1, 'everything was listed');
    watched.put(Pods, pod('a'));
    watched.put(ConfigMaps, configMap('stellar'));
    assert.equal(heard, 1);
    const webhooks = [{ name: 'pods.peers.stellar.org', clientConfig: { caBundle: 'AA==' } }];
    watched.put(MutatingWebhookConfigurations, { metadata: { name: 'stellar-peers' }, webhooks });
    assert.equal(heard, 2);
    end();
    await watched.kube.delete({ resource: MutatingWebhookConfigurations, name: 'stellar-peers' });
    assert.equal(heard, 2);
  });
});
