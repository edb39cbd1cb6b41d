/**
 * Holds reviews until decision.ts releases them. All held reviews share one subscription and one timer, which exist only
 * while reviews are held.
 */
import type { Clock } from '../../runtime/clock.ts';
import type { MembershipReader } from '../../runtime/kube/membership.ts';
import type { OwnerRef } from '../review/owner.ts';
import { HoldBudget } from './budget.ts';
import { decideHold, type HoldDecision, type HoldEnd, type HoldSubject, holdSubjectOf } from './decision.ts';
import { HoldMemory } from './memory.ts';

/** Why a pod does not have to wait, or why its wait has ended. */
export type Released = HoldEnd | 'shutdown';

/** Changes come in bursts, so all changes within this time are looked at together. */
const GATHER_MS = 10;

/** The most text of all held reviews together: hundreds of ordinary pods. A review takes about ten times its text. */
const HELD_LENGTH_MAX = 4 * 1024 * 1024;

interface Held {
  readonly ref: OwnerRef;
  readonly heldAtMs: number;
  /** How long the review was, in characters. */
  readonly length: number;
}

interface Waiter extends Held {
  readonly free: (why: Released) => void;
}

export class PendingReviews {
  readonly #memberships: MembershipReader;
  readonly #clock: Clock;
  readonly #budget = new HoldBudget();
  readonly #memory = new HoldMemory();
  readonly #waiters = new Set<Waiter>();
  #unsubscribe: (() => void) | undefined;
  #wake: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #isOver = false;
  #heldLength = 0;

  constructor({ memberships, clock }: { memberships: MembershipReader; clock: Clock }) {
    this.#memberships = memberships;
    this.#clock = clock;
  }

  /** Why the pod of `ref` need not wait; or, if it must wait, a promise that resolves to why the wait ended. */
  hold(ref: OwnerRef, length = 0): Released | Promise<Released> {
    if (this.#isOver) return 'shutdown';
    const nowMs = this.#clock.monotonicMs();
    const subject = holdSubjectOf(this.#memberships, ref);
    if (!subject || (subject.group === undefined && this.#memory.stayedUnknown(ref.key, nowMs)))
      return 'settled';
    if (this.#heldLength + length > HELD_LENGTH_MAX) return 'budgetSpent';
    const held = { ref, heldAtMs: nowMs, length };
    const decision = this.#decide(held, subject, nowMs);
    return decision.wait ? this.#wait(held, decision.untilMs) : decision.why;
  }

  #wait(held: Held, untilMs: number): Promise<Released> {
    this.#heldLength += held.length;
    this.#budget.start(held.heldAtMs);
    this.#unsubscribe ??= this.#memberships.onChange(() => this.#wakeIn(GATHER_MS));
    this.#wakeIn(untilMs - held.heldAtMs);
    return new Promise((free) => this.#waiters.add({ ...held, free }));
  }

  /** Frees all pods, and holds none from now on. */
  release(): void {
    this.#isOver = true;
    for (const waiter of this.#waiters) this.#free(waiter, 'shutdown');
    this.#rest(this.#clock.monotonicMs());
  }

  #free(waiter: Waiter, why: Released): void {
    this.#waiters.delete(waiter);
    this.#heldLength -= waiter.length;
    waiter.free(why);
  }

  /** Looks at every held pod again, frees those that need not wait, and plans the next look. */
  #review(): void {
    const nowMs = this.#clock.monotonicMs();
    const waiting = new Set<string | undefined>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      const subject = holdSubjectOf(this.#memberships, waiter.ref);
      const decision: HoldDecision = subject
        ? this.#decide(waiter, subject, nowMs)
        : { wait: false, why: 'settled' };
      if (decision.wait) {
        waiting.add(subject?.group);
        nextMs = Math.min(nextMs, decision.untilMs);
      } else {
        const isUnknown = subject !== undefined && subject.group === undefined;
        if (isUnknown && decision.why === 'timeIsUp') this.#memory.rememberUnknown(waiter.ref.key, nowMs);
        this.#free(waiter, decision.why);
      }
    }
    this.#memory.endWaits(waiting, nowMs);
    if (this.#waiters.size === 0) this.#rest(nowMs);
    else this.#wakeIn(nextMs - nowMs);
  }

  #decide({ heldAtMs }: Held, subject: HoldSubject, nowMs: number): HoldDecision {
    const decision = decideHold(
      {
        subject,
        heldAtMs,
        ...this.#memory.recall(subject.group, heldAtMs, nowMs),
        budgetLeftMs: this.#budget.leftMs(nowMs),
        leaderAlive: this.#memberships.leaderAlive(),
      },
      nowMs,
    );
    if (decision.wait) this.#memory.note(subject.group, heldAtMs, decision.for);
    return decision;
  }

  /** Plans a look in `ms`, unless one is planned before. */
  #wakeIn(ms: number): void {
    const atMs = this.#clock.monotonicMs() + ms;
    if (this.#wake && this.#wake.atMs <= atMs) return;
    this.#wake?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#wake = undefined;
      this.#review();
    });
    this.#wake = { atMs, cancel };
  }

  #rest(nowMs: number): void {
    this.#budget.stop(nowMs);
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#wake?.cancel();
    this.#wake = undefined;
  }
}
