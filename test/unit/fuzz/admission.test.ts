/** Reviews of any content. Each gets an answer that the API server accepts, and so does the next good review. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { operatorPod, reviewOf } from '../webhook/served.ts';
import { fuzz } from './odd.ts';
import { assertAnswered, Sent, sendings, serveAll, type Tally } from './reviews.ts';

it('a review of any content is answered or refused, its patch adds only our parts, and no later review is affected', async (t) => {
  const webhooks = await serveAll();
  const tally: Tally = new Map();
  await fuzz(t, { runs: 2_000, values: sendings(webhooks) }, (sending) =>
    assertAnswered(webhooks, sending, tally),
  );
  t.diagnostic([...tally].map(([kind, times]) => `${kind}: ${times}`).join(', '));
});

it('a review with half a surrogate pair in it, raw, is compared with the bytes that are sent of it', async () => {
  const webhooks = await serveAll();
  const half = '\ud800';
  const whole = JSON.stringify(reviewOf(operatorPod()));
  for (const text of [whole.replace('a-uid', `a-${half}`), whole.replace('Test SDF', half)]) {
    assert.ok(text.includes(half));
    const tally: Tally = new Map();
    await assertAnswered(webhooks, [0, new Sent(text)], tally);
    assert.deepEqual([...tally], [['patched', 1]]);
  }
});
