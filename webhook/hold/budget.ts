/**
 * Limits how long this process holds admissions: at most 10 s of any minute, however many are held at the same time,
 * because each held admission occupies a worker of the StatefulSet controller. All times are monotonic ms.
 */

const WINDOW_MS = 60_000;
const BUDGET_MS = 10_000;

export class HoldBudget {
  #spans: Array<{ readonly fromMs: number; readonly toMs: number }> = [];
  #heldSinceMs: number | undefined;

  /** Call when an admission is held. */
  start(nowMs: number): void {
    this.#heldSinceMs ??= nowMs;
  }

  /** Call when no admission is held any more. */
  stop(nowMs: number): void {
    if (this.#heldSinceMs === undefined) return;
    this.#spans.push({ fromMs: this.#heldSinceMs, toMs: nowMs });
    this.#heldSinceMs = undefined;
  }

  /** What is left of the budget in the minute that ends now. */
  leftMs(nowMs: number): number {
    if (this.#spans.length === 0 && this.#heldSinceMs === undefined) return BUDGET_MS;
    const sinceMs = nowMs - WINDOW_MS;
    this.#spans = this.#spans.filter(({ toMs }) => toMs > sinceMs);
    const open = this.#heldSinceMs === undefined ? [] : [{ fromMs: this.#heldSinceMs, toMs: nowMs }];
    const spentMs = [...this.#spans, ...open].reduce(
      (sum, { fromMs, toMs }) => sum + toMs - Math.max(fromMs, sinceMs),
      0,
    );
    return Math.max(0, BUDGET_MS - spentMs);
  }
}
