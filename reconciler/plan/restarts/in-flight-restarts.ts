/**
 * Remembers about each open entry of the journal whether this leader began the restart, since when this leader has seen
 * the entry, and whether it is fenced. The memory ends with the leadership; it may delay a restart, never permit one.
 */
import type { Key, World } from '../../../peers/world.ts';
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
  /** Why this leader takes a restart back. Kept here too, because the journal may not be writable. */
  readonly #takenBack = new Map<string, string>();
  /** When to check a bump that has replaced no pod yet, monotonic. */
  readonly #lookAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts to remember entries that are new, and forgets those that are closed. */
  observe(world: World): void {
    const ids = new Set(openOf(world).map(({ entry }) => idOf(entry)));
    const untouched = new Map(this.untouched(world).map((open) => [idOf(open.entry), open]));
    for (const known of [this.#seenSinceMs, this.#fenced, this.#takenBack]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
    for (const id of this.#lookAtMs.keys()) if (!untouched.has(id)) this.#lookAtMs.delete(id);
    for (const [id, open] of untouched) if (!this.#lookAtMs.has(id)) this.postponeLook(open);
    for (const id of ids)
      if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, this.#clock.monotonicMs());
  }

  /** Call when a restart of this leader is written. */
  noteBegun(token: string): void {
    this.#begunTokens.add(token);
  }

  noteEnded({ token }: JournalEntry): void {
    this.#begunTokens.delete(token);
  }

  /** Call when the API server refuses late writes of this restart from now on. */
  noteFenced({ entry }: InFlightRestart): void {
    this.#fenced.add(idOf(entry));
  }

  noteTakeBack({ entry }: InFlightRestart, why: string): void {
    this.#takenBack.set(idOf(entry), why);
  }

  outcomes(group: string, world: World): Closing[] {
    const nowMs = this.#clock.monotonicMs();
    return openEntries(readJournal(world.journal, group) ?? []).flatMap((written) => {
      const why = written.why ?? this.#takenBack.get(idOf(written));
      const known = why === undefined ? {} : { why };
      const entry = { ...written, ...known };
      const seenForMs = nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
      const outcome = outcomeOf(entry, world, { seenForMs, watched: this.#begunTokens.has(entry.token) });
      if (outcome === undefined) return [];
      const { generation } = world.statefulSets.get(entry.statefulSet) ?? {};
      const noted = outcome === 'defused' && generation !== undefined ? { generation } : {};
      return [{ entry, outcome, after: successorsOf(entry, world), ...known, ...noted }];
    });
  }

  /** Bumps that `world` does not show, and that we did not see written. The write may still arrive. */
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

  /** StatefulSets whose bump may still be undone: the bump has replaced no pod, or its write may still arrive. */
  undoable(world: World): Set<Key> {
    const found = openOf(world).filter(
      ({ entry }) => isUntouchedBump(entry, world) || isWithoutTrace(entry, world),
    );
    return new Set(found.map(({ entry }) => entry.statefulSet));
  }

  seenForMs({ entry }: InFlightRestart): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
  }

  /** True if it is time for a live read, because a cache may be behind. */
  isLookDue({ entry }: InFlightRestart): boolean {
    return (this.#lookAtMs.get(idOf(entry)) ?? Number.POSITIVE_INFINITY) <= this.#clock.monotonicMs();
  }

  postponeLook({ entry }: InFlightRestart): void {
    this.#lookAtMs.set(idOf(entry), this.#clock.monotonicMs() + LOOK_MS);
  }

  /** The waits, in ms, until time alone may end an entry or make the next check due. */
  duesInMs(sinceMs = this.#clock.monotonicMs()): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#seenSinceMs.values()]
      .flatMap((seenMs) => [seenMs + TRACE_MS, seenMs + BARE_MS])
      .concat([...this.#lookAtMs.values()])
      .filter((dueAtMs) => dueAtMs > sinceMs)
      .map((dueAtMs) => Math.max(0, dueAtMs - nowMs));
  }
}

/** All groups' open entries. */
const openOf = ({ journal }: World): InFlightRestart[] =>
  Object.keys(journal?.data ?? {}).flatMap((group) =>
    openEntries(readJournal(journal, group) ?? []).map((entry) => ({ group, entry })),
  );
