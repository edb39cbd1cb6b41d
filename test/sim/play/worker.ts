/** Plays every n-th seed of a range, and posts the tally. */
import { parentPort, workerData } from 'node:worker_threads';
import { play } from './history.ts';
import { planOf } from './plan.ts';
import { addResult, emptyTally } from './tally.ts';

export interface Share {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** No seed begins after this time. */
  readonly deadlineMs: number;
  readonly neverRestarts: boolean;
}

const { from, to, step, deadlineMs, neverRestarts } = workerData as Share;
const startedAtMs = performance.now();
const tally = emptyTally();
for (let seed = from; seed <= to && performance.now() - startedAtMs < deadlineMs; seed += step) {
  addResult(tally, await play(planOf(seed), { neverRestarts }));
  if (tally.seeds % 50 === 0) parentPort?.postMessage({ seeds: tally.seeds });
}
parentPort?.postMessage({ tally });
