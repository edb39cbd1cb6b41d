/** Plays many seeds, in as many threads as there are processors (two at most). */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { addTally, emptyTally, type Tally } from './tally.ts';
import type { Share } from './worker.ts';

interface Many {
  readonly from: number;
  readonly count: number;
  readonly deadlineMs?: number;
  readonly neverRestarts?: boolean;
  /** Called with the number of seeds that have been played. */
  readonly onProgress?: (seeds: number) => void;
}

/** Plays `count` seeds from `from` on; fewer if `deadlineMs` of real time pass first. */
export async function playMany({
  from,
  count,
  deadlineMs = 3_600_000,
  neverRestarts = false,
  onProgress = () => undefined,
}: Many): Promise<Tally> {
  const threads = Math.min(2, availableParallelism(), count);
  const played = new Array<number>(threads).fill(0);
  const tally = emptyTally();
  const shares = Array.from({ length: threads }, (_, index) => {
    const share: Share = {
      from: from + index,
      to: from + count - 1,
      step: threads,
      deadlineMs,
      neverRestarts,
    };
    return playShare(share, (seeds) => {
      played[index] = seeds;
      onProgress(played.reduce((sum, each) => sum + each, 0));
    });
  });
  for (const share of await Promise.all(shares)) addTally(tally, share);
  tally.problems.sort((a, b) => a.seed - b.seed);
  return tally;
}

function playShare(share: Share, onProgress: (seeds: number) => void): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: share });
    worker.on('message', (message: { seeds?: number; tally?: Tally }) => {
      if (message.tally) resolve(message.tally);
      else onProgress(message.seeds ?? 0);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`a thread of the simulation ended with ${code}`)));
  });
}
