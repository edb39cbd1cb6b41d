/**
 * Remembers about each open entry of the journal whether this leader began the restart, since when this leader has seen
 * the entry, and whether it is fenced. The memory ends with the leadership; it may delay a restart, never permit one.
 */
import type { World } from '../../../peers/world.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { type Closing, type JournalEntry, openEntries, readJournal } from '../journal/journal.ts';
import { BARE_MS, isUntouchedBump, isWithoutTrace, outcomeOf, successorsOf, TRACE_MS } from './outcome.ts';

/** An open entry, and the group in whose key the entry is. */
export interface InFlightRestart {
  readonly group: string;
  readonly entry: JournalEntry;
}

/** With the time, because a second restart of the same pods to the same view has the same token. */
const idOf = ({ token, atMs }: JournalEntry): string => `${token} ${atMs}`;

/** How often a bump that has replaced no pod is checked by a live read: most bumps replace a pod within a second. */
export const LOOK_MS = 5_000;

export class InFlightRestarts {
  readonly #clock: Clock;
  /** Tokens of the restarts that this leader began, and so has watched from the beginning. */
  readonly #begunTokens = new Set<string>();
  /** Since when this leader has seen an entry open, monotonic: the clocks of other leaders may be wrong. */
  readonly #seenSinceMs = new Map<string, number>();
  readonly #fenced = new Set<string>();
  /** Why this leader takes a restart back, until the journal says so. */
  readonly #takenBack = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts to remember entries that are new, and forgets those that are closed. */
  observe(world: World): void {
    const ids = new Set(openOf(world).map(({ entry }) => idOf(entry)));
    for (const known of [this.#seenSinceMs, this.#fenced, this.#takenBack]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
    for (const id of ids)
      if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, this.#clock.monotonicMs());
  }

  /** Call when a restart of this leader is written. */
  noteBegun(token: string): void {
    this.#begunTokens.add(token);
  }

  /** Call when the entry is closed. */
  noteEnded({ token }: JournalEntry): void {
    this.#begunTokens.delete(token);
  }

  /** Call when the API server refuses late writes of this restart from now on. */
  noteFenced({ entry }: InFlightRestart): void {
    this.#fenced.add(idOf(entry));
  }

  /** Call before this leader takes the restart back. */
  noteTakeBack({ entry }: InFlightRestart, why: string): void {
    this.#takenBack.set(idOf(entry), why);
  }

  /** The open entries of a group whose restarts have ended as `world` shows, with their outcomes. */
  outcomes(group: string, world: World): Closing[] {
    const nowMs = this.#clock.monotonicMs();
    return openEntries(readJournal(world.journal, group) ?? []).flatMap((written) => {
      const why = written.why ?? this.#takenBack.get(idOf(written));
      const known = why === undefined ? {} : { why };
      const entry = { ...written, ...known };
      const seenForMs = nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
      const outcome = outcomeOf(entry, world, { seenForMs, watched: this.#begunTokens.has(entry.token) });
      if (outcome === undefined) return [];
      return [{ entry, outcome, after: successorsOf(entry, world), ...known }];
    });
  }

  /**
   * Bumps that `world` does not show, of another leader or of a write of ours without an answer. The write may still
   * arrive, so the bump needs a fence.
   */
  toFence(world: World): InFlightRestart[] {
    return openOf(world).filter(
      ({ entry }) =>
        !this.#begunTokens.has(entry.token) && !this.#fenced.has(idOf(entry)) && isWithoutTrace(entry, world),
    );
  }

  /** Bumps that have replaced no pod yet. */
  untouched(world: World): InFlightRestart[] {
    return openOf(world).filter(({ entry }) => isUntouchedBump(entry, world));
  }

  /** For how long this leader has seen the entry open, in ms. */
  seenForMs({ entry }: InFlightRestart): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
  }

  /** The waits, in ms, until time alone may end an entry or make the next check due. */
  duesInMs(sinceMs = this.#clock.monotonicMs()): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#seenSinceMs.values()]
      .flatMap((seenMs) => [seenMs + LOOK_MS, seenMs + TRACE_MS, seenMs + BARE_MS])
      .filter((dueAtMs) => dueAtMs > sinceMs)
      .map((dueAtMs) => Math.max(0, dueAtMs - nowMs));
  }
}

/** All groups' open entries. */
const openOf = ({ journal }: World): InFlightRestart[] =>
  Object.keys(journal?.data ?? {}).flatMap((group) =>
    openEntries(readJournal(journal, group) ?? []).map((entry) => ({ group, entry })),
  );
