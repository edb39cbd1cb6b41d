/**
 * What one leader knows of the journal's open entries: which it began itself, how long it has seen each, and which it
 * has fenced. Memory of one term, which may delay and never permits.
 */
import type { Key, World } from '../../../peers/world.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { type Closing, type JournalEntry, openEntries, readJournal } from '../journal/journal.ts';
import { BARE_MS, isUntouchedBump, isWithoutTrace, outcomeOf, successorsOf, TRACE_MS } from './outcome.ts';

/** An open entry and the group that it is in. */
export interface InFlightRestart {
  readonly group: string;
  readonly entry: JournalEntry;
}

/** A token is the same each time that the same is meant. */
const idOf = ({ token, atMs }: JournalEntry): string => `${token} ${atMs}`;

/** A bump acts within a second, as a rule; one that does not is looked at live that often, whatever the caches show. */
export const LOOK_MS = 5_000;

export class InFlightRestarts {
  readonly #clock: Clock;
  /** Begun in this term, and so watched from the beginning. */
  readonly #begunTokens = new Set<string>();
  /** Since when an open entry is seen, monotonic: clocks of other leaders are not trusted. */
  readonly #seenSinceMs = new Map<string, number>();
  readonly #fenced = new Set<string>();
  /** Why this leader takes it back, from before that write on: the journal may be what cannot be written. */
  readonly #takenBack = new Map<string, string>();
  /** When to look at a bump that has replaced no pod yet, monotonic. */
  readonly #lookAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes in what is open now. */
  observe(world: World): void {
    const ids = new Set(openOf(world).map(({ entry }) => idOf(entry)));
    const untouched = new Map(this.untouched(world).map((open) => [idOf(open.entry), open]));
    for (const known of [this.#seenSinceMs, this.#fenced, this.#takenBack]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
    for (const id of this.#lookAtMs.keys()) if (!untouched.has(id)) this.#lookAtMs.delete(id);
    for (const [id, open] of untouched) if (!this.#lookAtMs.has(id)) this.looked(open);
    for (const id of ids)
      if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, this.#clock.monotonicMs());
  }

  /** This leader has begun a restart. */
  began(token: string): void {
    this.#begunTokens.add(token);
  }

  /** It is closed. */
  ended({ token }: JournalEntry): void {
    this.#begunTokens.delete(token);
  }

  /** Its late writes are refused from now on. */
  fenced({ entry }: InFlightRestart): void {
    this.#fenced.add(idOf(entry));
  }

  /** This leader is about to take it back. */
  takesBack({ entry }: InFlightRestart, why: string): void {
    this.#takenBack.set(idOf(entry), why);
  }

  /** Open entries of a group that are over by what `world` shows, and how. */
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

  /** Bumps without a trace whose request, of another leader or unanswered, may still be on its way. */
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

  /** StatefulSets of which a bump may have to be undone: it has replaced no pod, or its write may still arrive. */
  undoable(world: World): Set<Key> {
    const found = openOf(world).filter(
      ({ entry }) => isUntouchedBump(entry, world) || isWithoutTrace(entry, world),
    );
    return new Set(found.map(({ entry }) => entry.statefulSet));
  }

  /** For how long this leader has seen it open, in ms. */
  seenForMs({ entry }: InFlightRestart): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
  }

  /** True if it is time to look past the caches, of which one may be late. */
  isLookDue({ entry }: InFlightRestart): boolean {
    return (this.#lookAtMs.get(idOf(entry)) ?? Number.POSITIVE_INFINITY) <= this.#clock.monotonicMs();
  }

  /** It was looked at. */
  looked({ entry }: InFlightRestart): void {
    this.#lookAtMs.set(idOf(entry), this.#clock.monotonicMs() + LOOK_MS);
  }

  /** In how many ms to look again: an entry that leaves no trace turns out void, one that does nothing is looked at. */
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
