/** Reads durations in the format of kubectl's flags. Pure. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** The longest time that a timer accepts. */
const MS_MAX = 2 ** 31 - 1;

/** Reads `5s`, `1m30s`, or seconds without a unit, as ms; 0 means no limit. Undefined for anything else. */
export function durationMs(text: string): number | undefined {
  if (/^\d+$/.test(text)) return limited(Number(text) * 1_000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return limited(parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0));
}

const limited = (ms: number): number => (ms === 0 ? MS_MAX : Math.min(Math.ceil(ms), MS_MAX));
