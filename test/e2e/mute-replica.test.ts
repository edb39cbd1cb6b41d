/** Replicas that accept connections and never answer: pods start without injection, and are repaired later. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Network, THREE } from '../cluster/network.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { webhookCalls } from '../cluster/webhook-calls.ts';

/** timeoutSeconds of the webhook, and the time that a loaded machine may add. */
const START_MS_MAX = 5_000 + 5_000;

describe('replicas that accept connections and never answer', () => {
  const scene = startedScene(() => sharedScene());
  const network = new Network(scene, 'mute');

  before(() => network.foundUpToDate());

  const signal = (name: NodeJS.Signals) => {
    for (const replica of scene.replicas?.replicas ?? []) replica.kill(name);
  };

  it('let pods start without injection within the timeout of the webhook, and repair them when they run again', async (t) => {
    const { failedOpen } = await webhookCalls(scene.cluster);
    signal('SIGSTOP');
    const sinceMs = Date.now();
    await network.deletePod('validator-1');
    await scene.pods.until('its pod is there again', () => network.restarts(THREE)['validator-1'] === 1);
    const tookMs = Date.now() - sinceMs;
    t.diagnostic(`started after ${tookMs} ms`);
    assert.ok(tookMs < START_MS_MAX, `started after ${tookMs} ms`);
    assert.equal(network.stamp('validator-1'), undefined, 'the pod is not injected');
    const after_ = await webhookCalls(scene.cluster);
    assert.ok(after_.failedOpen > failedOpen, 'the API server has counted the failed call');
    signal('SIGCONT');
    await network.untilTheyKnow(THREE);
    network.assertRestarts(THREE, [2, 0, 0]);
    assert.equal(network.mostDown(sinceMs), 1);
  });
});
