/** Validators that are Ready only with peers: a pod without injection stays down until another pod replaces it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StellarNodes } from '../../../runtime/kube/resources.ts';
import { tell, told } from './story.ts';

const MINUTE_MS = 60_000;

describe('a validator that is Ready only with peers', () => {
  it('gets its peers after an upgrade by its operator has replaced its pod without the webhook', async () => {
    const { stage, broken } = await tell({
      validators: 4,
      needPeers: true,
      script: (stage, at) => {
        at(30_000, () => stage.join(3));
        at(120_000, () => {
          stage.webhookDown(20_000);
          const v0 = { resource: StellarNodes, namespace: 'north', name: 'v0' };
          return stage.server.admin.patch(v0, [{ op: 'add', path: '/spec/version', value: 'v22' }]);
        });
      },
      endMs: 20 * MINUTE_MS,
    });
    assert.deepEqual(told(stage), {});
    assert.deepEqual(broken, []);
  });

  for (const [name, kills, after, inTheEnd] of [
    [
      'is reported at once as NotInjected if our own restart left its pod without injection',
      0,
      ['NotInjected'],
      'NotInjected',
    ],
    [
      'is restarted by the next leader, which does not know why the pod is not injected',
      8_000,
      [],
      undefined,
    ],
  ] as const) {
    it(name, async () => {
      const seen = new Set<string>();
      const { stage, broken } = await tell({
        validators: 4,
        needPeers: true,
        script: (stage, at) => {
          stage.atNextBump.set('north/v0', () => {
            stage.webhookDown(15_000);
            if (kills > 0) stage.time.schedule(100, () => [0, 1].map((seat) => stage.kill(seat, kills)));
          });
          at(90_000, () => stage.join(3));
          for (let ms = 150_000; ms < 5_000_000; ms += 60_000) at(ms, () => seen.add(told(stage).v0 ?? ''));
        },
        endMs: 80 * MINUTE_MS,
      });
      assert.equal(told(stage).v0, inTheEnd);
      for (const code of after) assert.deepEqual([...seen], [code]);
      assert.deepEqual(broken, []);
    });
  }
});
