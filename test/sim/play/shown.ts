/**
 * Checks every few seconds that the reasons which the leader reports are true, by the witness' own view of the cluster. A
 * reason may be shown for a short time after it has ended.
 */
import { Violation } from './invariants.ts';
import { isCheckable, isJustified } from './justified.ts';
import { keysOf } from './members.ts';
import { isSmooth } from './plan.ts';
import type { Replica } from './replica.ts';
import type { Stage } from './stage.ts';
import { podsOf } from './standing.ts';
import type { Witness } from './witness.ts';

const EVERY_MS = 5_000;
/** How long a reason may still be shown after it has ended: without faults, and with failing requests or late watches. */
const OUTLIVES_MS = 45_000;
const OUTLIVES_AT_LAST_MS = 180_000;
/** The longest time for which a passing reason may be shown without a break. */
const PASSES_WITHIN_MS = 20 * 60_000;
/** The most reverted restarts of one validator within an hour: attempts follow after 1, 2, 4 … 30 minutes. */
const VAIN_PER_HOUR = 12;
const HOUR_MS = 3_600_000;
const PASSING = new Set([
  'Stabilizing',
  'WaitingForMinReady',
  'RestartedRecently',
  'TooYoung',
  'StaleCaches',
]);

interface Untrue {
  readonly code: string;
  readonly leader: Replica;
  readonly sinceMs: number;
}

export class Shown {
  readonly #stage: Stage;
  readonly #witness: Witness;
  readonly #untrue = new Map<string, Untrue>();
  readonly #passing = new Map<string, Untrue>();
  /** For how long each reason was shown, in ms, summed over all validators. */
  readonly shownMs: Record<string, number> = {};

  constructor(stage: Stage, witness: Witness) {
    this.#stage = stage;
    this.#witness = witness;
  }

  /** Checks every few seconds. Passes each check to `noting`, which catches violations. */
  watch(noting: (check: () => void) => void): void {
    this.#stage.time.schedule(EVERY_MS, () => {
      noting(() => this.#look());
      this.watch(noting);
    });
  }

  #look(): void {
    const { leader } = this.#stage;
    this.#checkVain();
    if (!leader) return;
    for (const key of keysOf(this.#stage.plan)) {
      const code = leader.reasons.get(key)?.code;
      if (code !== undefined) this.shownMs[code] = (this.shownMs[code] ?? 0) + EVERY_MS;
      this.#follow(this.#untrue, { key, code: this.#isUntrue(key, code) ? code : undefined, leader });
      this.#follow(this.#passing, { key, code: PASSING.has(code ?? '') ? code : undefined, leader });
      this.#check(key);
    }
  }

  #isUntrue(key: string, code: string | undefined): boolean {
    if (code === undefined) return false;
    const test = OF_PASSING[code];
    if (test) return !test(key, this.#stage, this.#witness);
    return isCheckable(code) && !isJustified(code, key, this.#stage, this.#witness);
  }

  #follow(
    known: Map<string, Untrue>,
    { key, code, leader }: { key: string; code: string | undefined; leader: Replica },
  ): void {
    if (code === undefined) return void known.delete(key);
    const last = known.get(key);
    if (last?.code === code && last.leader === leader) return;
    known.set(key, { code, leader, sinceMs: this.#stage.time.monotonicMs() });
  }

  #check(key: string): void {
    const nowMs = this.#stage.time.monotonicMs();
    const untrue = this.#untrue.get(key);
    if (untrue && nowMs - untrue.sinceMs > this.#outlivesMs(untrue.sinceMs)) {
      throw new Violation(
        'shown: not true',
        `${key} is told ${untrue.code} for ${nowMs - untrue.sinceMs} ms`,
      );
    }
    const passing = this.#passing.get(key);
    if (passing && nowMs - passing.sinceMs > PASSES_WITHIN_MS) {
      throw new Violation('shown: does not pass', `${key} is told ${passing.code} all the time`);
    }
  }

  #outlivesMs(sinceMs: number): number {
    const { plan } = this.#stage;
    const isLate = (endMs: number) => sinceMs < endMs;
    const late = plan.actions.map((action) =>
      action.do === 'lateKind' && isLate(action.atMs + action.ms + action.lateMs) ? action.lateMs : 0,
    );
    const isCalm = isSmooth(plan) || sinceMs > plan.calmAtMs;
    return (isCalm ? OUTLIVES_MS : OUTLIVES_AT_LAST_MS) + Math.max(0, ...late);
  }

  #checkVain(): void {
    const { policies, time } = this.#stage;
    const isRecent = (atMs: number) => time.monotonicMs() - atMs < HOUR_MS;
    for (const key of keysOf(this.#stage.plan)) {
      const reverted = this.#witness.restarts.filter(
        ({ node, end, atMs }) => node === key && end === 'reverted' && isRecent(atMs),
      );
      const count = reverted.length + (policies.stripped.get(key) ?? []).filter(isRecent).length;
      if (count <= VAIN_PER_HOUR) continue;
      throw new Violation('what does not stay is not repeated', `${key}: ${count} times within the hour`);
    }
  }
}

const agesMs = (key: string, { server, time }: Stage): number[] =>
  podsOf(server.store, key).map(
    ({ metadata }) => time.nowMs() - Date.parse(metadata.creationTimestamp ?? ''),
  );

type Test = (key: string, stage: Stage, witness: Witness) => boolean;

/** Tests for passing reasons that can be checked. The other passing reasons must end in time. */
const OF_PASSING: Readonly<Record<string, Test>> = {
  RestartedRecently: (key, stage) =>
    agesMs(key, stage).some((ms) => ms < stage.settings.minRestartIntervalSeconds * 1000),
  TooYoung: (key, stage, witness) =>
    [...agesMs(key, stage), ...podsOf(stage.server.store, key).map(witness.notReadyForMs)].some(
      (ms) => ms < stage.settings.deleteMinAgeSeconds * 1000,
    ),
};
