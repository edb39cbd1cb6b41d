/**
 * Limits how long this process holds admissions: at most 10 s of any minute, however many are held at the same time,
 * because each held admission occupies a worker of the StatefulSet controller. All times are monotonic ms.
 */

const WINDOW_MS = 60_000;
const BUDGET_MS = 10_000;

export class HoldBudget {
  /** The last one goes on while an admission is held. */
  #spans: Array<{ readonly fromMs: number; toMs: number }> = [];

  /** Call when an admission is held. */
  start(nowMs: number): void {
    if (this.#spans.at(-1)?.toMs === Number.POSITIVE_INFINITY) return;
    this.#spans.push({ fromMs: nowMs, toMs: Number.POSITIVE_INFINITY });
  }

  /** Call when no admission is held any more. */
  stop(nowMs: number): void {
    const last = this.#spans.at(-1);
    if (last) last.toMs = Math.min(last.toMs, nowMs);
  }

  /** The rest of the budget in the minute that ends now, in ms. */
  leftMs(nowMs: number): number {
    const sinceMs = nowMs - WINDOW_MS;
    this.#spans = this.#spans.filter(({ toMs }) => toMs > sinceMs);
    const spentMs = this.#spans.reduce(
      (sum, { fromMs, toMs }) => sum + Math.min(toMs, nowMs) - Math.max(fromMs, sinceMs),
      0,
    );
    return Math.max(0, BUDGET_MS - spentMs);
  }
}
