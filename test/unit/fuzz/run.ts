/**
 * Many more reviews of any content than the tests play, with progress. FUZZ_CASES says how many; FUZZ_SEED is where
 * to begin, and each part prints its own.
 */
import fc from 'fast-check';
import { assertAnswered, sendings, serveAll, type Tally } from './reviews.ts';

const PART = 2_000;
const { FUZZ_CASES: casesText = '', FUZZ_SEED: seedText = '' } = process.env;
const cases = Number(casesText === '' ? 100_000 : casesText);
const first = seedText === '' ? Math.floor(Math.random() * 2 ** 30) : Number(seedText);

const webhooks = await serveAll();
const tally: Tally = new Map();
const property = fc.asyncProperty(sendings(webhooks), (sending) => assertAnswered(webhooks, sending, tally));

for (let done = 0; done < cases; done += PART) {
  const seed = first + done / PART;
  const numRuns = Math.min(PART, cases - done);
  console.log(`FUZZ_SEED=${seed}: reviews ${done + 1} to ${done + numRuns} of ${cases}`);
  await fc.assert(property, { seed, numRuns });
}
console.log(`All were answered as they should be: ${[...tally].map((each) => each.join(' ')).join(', ')}.`);
