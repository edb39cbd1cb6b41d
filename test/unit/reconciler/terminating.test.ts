/** A namespace that is being deleted takes nothing new, so nothing is sent there. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { planServices } from '../../../reconciler/plan/publish/services.ts';
import { worldWith } from '../world.ts';
import { NOW_MS } from './group.ts';
import { running } from './publishing.ts';

function plansWith(deletionTimestamp: string | undefined) {
  const metadata = { name: 'stellar', ...(deletionTimestamp && { deletionTimestamp }) };
  const world = worldWith({ ...running('a', 'b'), namespaces: [{ metadata }] });
  const discovery = discover(world, { peerScope: 'cluster', clusterDomain: 'cluster.local' });
  const settings = { ownNamespace: 'stellar-peers', maxPeers: 24 };
  const { configMaps } = planPublish(world, discovery, settings, NOW_MS);
  return {
    configMaps: configMaps.map(({ namespace }) => namespace).sort(),
    services: planServices(world, discovery).create.map(({ validator }) => validator.name),
  };
}

it('a namespace that stays gets its ConfigMap and Services', () => {
  assert.deepEqual(plansWith(undefined), {
    configMaps: ['stellar', 'stellar-peers'],
    services: ['a', 'b'],
  });
});

it('a namespace that is being deleted gets no ConfigMap and no Services, but the overview is still written', () => {
  assert.deepEqual(plansWith('2026-11-23T12:00:00Z'), { configMaps: ['stellar-peers'], services: [] });
});
