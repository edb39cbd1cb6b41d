/** The soak's outcome as a table for people. */
import { table } from '../../cli/table.ts';

export interface Row {
  readonly fault: string;
  readonly mayFail: boolean;
  times: number;
  calls: number;
  failed: number;
}

const columns = (rows: ReadonlyArray<readonly string[]>): string => table(rows).trimEnd();

/** One line per fault: how often, how many calls meanwhile, how many of them failed, and whether they may. */
export const faultTable = (rows: readonly Row[]): string =>
  columns([
    ['FAULT', 'TIMES', 'CALLS', 'FAILED', 'MAY FAIL'],
    ...rows.map(({ fault, times, calls, failed, mayFail }) => [
      fault,
      String(times),
      String(calls),
      String(failed),
      mayFail ? 'yes' : 'no',
    ]),
  ]);

/** One line per promise: what was found, and whether it was kept. */
export const promiseTable = (
  promises: ReadonlyArray<{ readonly promise: string; readonly found: string; readonly kept: boolean }>,
): string =>
  columns([
    ['PROMISE', 'FOUND', 'KEPT'],
    ...promises.map(({ promise, found, kept }) => [promise, found, kept ? 'yes' : 'NO']),
  ]);
