/**
 * What one leader knows of the journal's open entries: which it began itself, how long it has seen each, and which it
 * has fenced. Memory of one term, which may delay and never permits.
 */
import type { World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Entry, type Outcome, openEntries, readJournal } from './journal.ts';
import { isToBeDefused, isWithoutTrace, outcomeOf, TRACE_MS } from './outcome.ts';

/** An open entry and the group that it is in. */
export interface Open {
  readonly group: string;
  readonly entry: Entry;
}

/** A token is the same each time that the same is meant. */
const idOf = ({ token, atMs }: Entry): string => `${token} ${atMs}`;

export class OpenRestarts {
  readonly #clock: Clock;
  /** Begun in this term, and so watched from the beginning. */
  readonly #begunTokens = new Set<string>();
  /** Since when an open entry is seen, monotonic: clocks of other leaders are not trusted. */
  readonly #seenSinceMs = new Map<string, number>();
  readonly #fenced = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes in what is open now. */
  observe(world: World): void {
    const ids = new Set(openOf(world).map(({ entry }) => idOf(entry)));
    for (const known of [this.#seenSinceMs, this.#fenced]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
    for (const id of ids)
      if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, this.#clock.monotonicMs());
  }

  /** This leader has begun a restart. */
  began(token: string): void {
    this.#begunTokens.add(token);
  }

  /** It is closed. */
  ended({ token }: Entry): void {
    this.#begunTokens.delete(token);
  }

  /** Its late writes are refused from now on. */
  fenced({ entry }: Open): void {
    this.#fenced.add(idOf(entry));
  }

  /** Open entries of a group that are over by what `world` shows, and how. */
  outcomes(group: string, world: World): Array<{ readonly entry: Entry; readonly outcome: Outcome }> {
    const nowMs = this.#clock.monotonicMs();
    return openEntries(readJournal(world.journal, group) ?? []).flatMap((entry) => {
      const seenForMs = nowMs - (this.#seenSinceMs.get(idOf(entry)) ?? nowMs);
      const outcome = outcomeOf(entry, world, { seenForMs, watched: this.#begunTokens.has(entry.token) });
      return outcome === undefined ? [] : [{ entry, outcome }];
    });
  }

  /** Bumps without a trace whose request, of another leader or unanswered, may still be on its way. */
  toFence(world: World): Open[] {
    return openOf(world).filter(
      ({ entry }) =>
        !this.#begunTokens.has(entry.token) && !this.#fenced.has(idOf(entry)) && isWithoutTrace(entry, world),
    );
  }

  /** Bumps that are to be taken back. */
  toDefuse(world: World): Open[] {
    return openOf(world).filter(({ entry }) => isToBeDefused(entry, world));
  }

  /** In how many ms each entry that leaves no trace turns out void. */
  tracesInMs(sinceMs = this.#clock.monotonicMs()): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#seenSinceMs.values()]
      .map((seenMs) => seenMs + TRACE_MS)
      .filter((dueAtMs) => dueAtMs > sinceMs)
      .map((dueAtMs) => Math.max(0, dueAtMs - nowMs));
  }
}

/** All groups' open entries. */
const openOf = ({ journal }: World): Open[] =>
  Object.keys(journal?.data ?? {}).flatMap((group) =>
    openEntries(readJournal(journal, group) ?? []).map((entry) => ({ group, entry })),
  );
