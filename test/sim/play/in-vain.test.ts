/** Restarts that happen but do not help. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tell, told } from './story.ts';

const HOUR_MS = 3_600_000;

describe('a crash loop of ours', () => {
  it('restarts no validator more than twice, and its reason is reported', async () => {
    const { stage, witness, broken } = await tell({
      validators: 4,
      script: (stage, at) => {
        at(90_000, () => stage.join(3));
        stage.server.store.onChange(({ resource, former, next, by }) => {
          const isBump =
            resource.kind === 'StatefulSet' &&
            former &&
            next &&
            JSON.stringify(former.spec) !== JSON.stringify(next.spec);
          if (!stage.isOurs(by) || !(isBump || resource.kind === 'Pod')) return;
          // Both replicas die at once, so that the new pod starts bare and no replica has seen why.
          stage.time.schedule(100, () => {
            for (const seat of [0, 1]) stage.kill(seat, 8_000);
          });
        });
      },
      endMs: 3 * HOUR_MS,
    });
    const counts = Object.groupBy(witness.restarts, ({ node }) => node);
    for (const [node, restarts] of Object.entries(counts)) assert.ok((restarts?.length ?? 0) <= 2, node);
    assert.ok(witness.restarts.length > 0);
    assert.equal(told(stage).v0, 'RestartedInVain');
    assert.deepEqual(broken, []);
  });
});
