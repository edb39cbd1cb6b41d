/** Reviews of any content: each is answered as the API server can bear it, and so is the next good one. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { fuzz } from './odd.ts';
import { assertAnswered, sent, serveAll, type Tally } from './reviews.ts';

it('a review of any content is answered or refused, adds only what is ours, and breaks nothing', async (t) => {
  const webhooks = await serveAll();
  const tally: Tally = new Map();
  const values = fc.tuple(fc.constantFrom(...webhooks.keys()), sent);
  await fuzz(t, { runs: 2_000, values }, async ([index, body]) => {
    const webhook = webhooks[index];
    assert.ok(webhook);
    await assertAnswered(webhook, body, tally);
  });
  t.diagnostic([...tally].map(([kind, times]) => `${kind}: ${times}`).join(', '));
});
