/** The soak's outcome as a table for people. */

export interface Row {
  readonly fault: string;
  readonly mayFail: boolean;
  times: number;
  calls: number;
  failed: number;
}

/** Columns as wide as they need to be. */
function columns(rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

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
