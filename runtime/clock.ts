/** The only source of real time and randomness in the process. All other code takes a Clock or plain numbers. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Wall-clock time in ms since the epoch. Compare it only with times that the cluster has written. */
  nowMs(): number;
  /** Monotonic ms since an arbitrary start, for durations. Not affected by clock jumps. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** `ms` varied by up to ±20 %, so that replicas do not act in step. */
  jitter(ms: number): number;
  /** Calls `fn` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void;
}

const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
  await delay(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
    if (!signal?.aborted) throw error;
  });
};

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep,
  jitter: (ms) => ms * (0.8 + Math.random() * 0.4),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A fresh RFC 4122 identifier. */
export const newUid = (): string => randomUUID();
