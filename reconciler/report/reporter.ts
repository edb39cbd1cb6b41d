/**
 * Reports why things were not done: each change of a reason once, as a log line, an Event on the StellarNode
 * and a metric. It remembers only what it reported last.
 */
import { describeReason, isState, type Reason, releaseOf, severityOf } from '../../peers/reasons/reasons.ts';
import { type Key, namespaceOf, type World } from '../../peers/world.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Newcomer } from '../plan/publish/publish.ts';
import type { ReasonsByKey } from '../plan/status/validator-state.ts';
import { type EventsOptions, type EventText, EventWriter } from './events.ts';

/** Log lines of one pass; the rest follow in the next, since admission shares the process. */
const AT_ONCE_MAX = 500;
/** Reasons that are remembered of one StellarNode. */
const NOTED_MAX = 50;

export interface ReporterOptions extends EventsOptions {
  readonly metrics: Metrics;
}

interface Held {
  readonly key: Key;
  readonly why: Reason;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #events: EventWriter;
  /** `key code` of each reason that is reported and still holds. */
  readonly #reported = new Set<string>();
  /** Those of them whose Event found no room in its minute: it is written in the next. */
  readonly #withoutEvent = new Set<string>();
  /** How many more log lines this pass may write. */
  #room = 0;
  /** What found no room in the last pass, in order. It comes first in the next: none waits for what others make anew. */
  readonly #left = new Set<string>();
  /** What Events of this term say of each StellarNode: a reason that comes a second time happened again. */
  readonly #noted = new Map<Key, Set<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = new EventWriter(options);
  }

  /** Takes in what is held now, and reports what changed. */
  report(world: World, reasons: ReasonsByKey): void {
    const all = [...reasons].flatMap(([key, whys]) => whys.map((why) => ({ key, why })));
    const now = new Set(all.map(({ key, why }) => idOf(key, why)));
    for (const id of this.#reported) if (!now.has(id)) this.#reported.delete(id);
    for (const id of this.#withoutEvent) if (!now.has(id)) this.#withoutEvent.delete(id);
    this.#logAll(world, all);
    for (const key of this.#noted.keys()) if (!world.nodes.has(key)) this.#noted.delete(key);
    const { metrics } = this.#options;
    const counts = Map.groupBy(all, ({ why }) => why.code);
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([reason, { length: value }]) => ({ labels: { reason }, value })),
    );
  }

  #logAll(world: World, all: readonly Held[]): void {
    const byId = new Map(all.map((each) => [idOf(each.key, each.why), each]));
    const first = [...this.#left].flatMap((id) => byId.get(id) ?? []);
    this.#left.clear();
    this.#room = AT_ONCE_MAX;
    for (const { key, why } of new Set([...first, ...all])) if (!isState(why)) this.#logOne(world, key, why);
  }

  /** Reports a reason that is new, or whose Event found no room before. */
  #logOne(world: World, key: Key, why: Reason): void {
    const id = idOf(key, why);
    const isKnown = this.#reported.has(id);
    if (isKnown && !(this.#withoutEvent.has(id) && this.#events.hasRoomIn(namespaceOf(key)))) return;
    if (this.#room === 0) {
      this.#left.add(id);
      return;
    }
    this.#room -= 1;
    this.#reported.add(id);
    if (!isKnown)
      this.#options.log.info({ node: key, reason: why.code, detail: why.detail }, describeReason(why));
    if (this.#reportReason(world, key, why)) this.#withoutEvent.delete(id);
    else this.#withoutEvent.add(id);
  }

  /** In how many ms to report again though nothing changes: something found no room in this pass, or an Event in its minute. */
  retryInMs(): number | undefined {
    if (this.#left.size > 0) return 0;
    return this.#withoutEvent.size > 0 ? this.#events.nextMinuteInMs() : undefined;
  }

  /**
   * False where there was no room for the Event. The first time in this term the former leader may have
   * written the same Event: then that one stands, and is enough.
   */
  #reportReason(world: World, key: Key, why: Reason): boolean {
    const noted = this.#noted.get(key) ?? new Set();
    this.#noted.set(key, noted);
    const note = `${describeReason(why)} ${releaseOf(why, [key])}`;
    const story: EventText = { type: typeOf(why), action: 'Hold', reason: why.code, note };
    const what = `${why.code} ${why.detail ?? ''}`;
    if (!this.#events.tell(world, key, story, noted.has(what) ? {} : { same: what })) return false;
    if (noted.size >= NOTED_MAX) noted.clear();
    noted.add(what);
    return true;
  }

  /** The term is over: the next leader reports what waits. */
  end(): void {
    this.#options.metrics.replace('stellar_peers_waiting', []);
    this.#options.metrics.replace('stellar_peers_view_size', []);
  }

  /** Writes an Event on the StellarNode. Never rejects. */
  tell(world: World, key: Key, story: EventText): void {
    this.#events.tell(world, key, story);
  }

  /** Writes an Event on each validator whose list of peers is published for the first time. */
  reportPublished(world: World, newcomers: readonly Newcomer[]): void {
    for (const { key, peers } of newcomers) {
      const note = `Published ${peers} peers for this validator, and its address in their lists.`;
      const story: EventText = { type: 'Normal', action: 'Publish', reason: 'PeersPublished', note };
      this.#events.tell(world, key, story, { minor: true });
    }
  }
}

const idOf = (key: Key, { code }: Reason): string => `${key} ${code}`;

/** What goes on by itself is no warning. */
const typeOf = (why: Reason): EventText['type'] => (severityOf(why.code) === 'info' ? 'Normal' : 'Warning');
