/**
 * Tells why things were not done: each change of a reason once, as a log line, an Event on the StellarNode
 * and a metric. What it remembers is only what it said last.
 */
import { describeReason, isState, type Reason, releaseOf, severityOf } from '../../peers/reasons/reasons.ts';
import { type Key, namespaceOf, type World } from '../../peers/world.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Newcomer } from '../plan/publish/publish.ts';
import type { ReasonsByKey } from '../plan/status/validator-state.ts';
import { type EventsOptions, type EventText, EventWriter } from './events.ts';

/** So much is said at a time, the rest in the next pass: admission shares the process. */
const SAID_AT_ONCE_MAX = 500;
/** Reasons that are remembered of one StellarNode. */
const TOLD_MAX = 50;

export interface ReporterOptions extends EventsOptions {
  readonly metrics: Metrics;
}

interface Told {
  readonly key: Key;
  readonly why: Reason;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #events: EventWriter;
  /** `key code` of what was said and still holds. */
  readonly #said = new Set<string>();
  /** Of these, what found no room among the Events of its minute: it is told in the next. */
  readonly #untold = new Set<string>();
  /** How much more may be said in this pass. */
  #room = 0;
  /** What found no room in the last pass, in order. It comes first in the next: none waits for what others make anew. */
  readonly #left = new Set<string>();
  /** What was told of whom in this term: what comes a second time happened again. */
  readonly #told = new Map<Key, Set<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = new EventWriter(options);
  }

  /** Takes in what is held now; whatever changed is told. */
  report(world: World, reasons: ReasonsByKey): void {
    const all = [...reasons].flatMap(([key, whys]) => whys.map((why) => ({ key, why })));
    const now = new Set(all.map(({ key, why }) => idOf(key, why)));
    for (const id of this.#said) if (!now.has(id)) this.#said.delete(id);
    for (const id of this.#untold) if (!now.has(id)) this.#untold.delete(id);
    this.#sayAll(world, all);
    for (const key of this.#told.keys()) if (!world.nodes.has(key)) this.#told.delete(key);
    const { metrics } = this.#options;
    const counts = Map.groupBy(all, ({ why }) => why.code);
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([reason, { length: value }]) => ({ labels: { reason }, value })),
    );
  }

  #sayAll(world: World, all: readonly Told[]): void {
    const byId = new Map(all.map((each) => [idOf(each.key, each.why), each]));
    const first = [...this.#left].flatMap((id) => byId.get(id) ?? []);
    this.#left.clear();
    this.#room = SAID_AT_ONCE_MAX;
    for (const { key, why } of new Set([...first, ...all])) if (!isState(why)) this.#say(world, key, why);
  }

  /** Says what was not said of it last, or found no room to be told then. */
  #say(world: World, key: Key, why: Reason): void {
    const id = idOf(key, why);
    const isKnown = this.#said.has(id);
    if (isKnown && !(this.#untold.has(id) && this.#events.hasRoomIn(namespaceOf(key)))) return;
    if (this.#room === 0) {
      this.#left.add(id);
      return;
    }
    this.#room -= 1;
    this.#said.add(id);
    if (!isKnown)
      this.#options.log.info({ node: key, reason: why.code, detail: why.detail }, describeReason(why));
    if (this.#reportReason(world, key, why)) this.#untold.delete(id);
    else this.#untold.add(id);
  }

  /** In how many ms to report again though nothing changes: something found no room in this pass, or an Event in its minute. */
  retryInMs(): number | undefined {
    if (this.#left.size > 0) return 0;
    return this.#untold.size > 0 ? this.#events.nextMinuteInMs() : undefined;
  }

  /**
   * False where there was no room for the Event. For the first time in this term it may be what the former leader told:
   * then its Event stands, and that is enough.
   */
  #reportReason(world: World, key: Key, why: Reason): boolean {
    const told = this.#told.get(key) ?? new Set();
    this.#told.set(key, told);
    const note = `${describeReason(why)} ${releaseOf(why, [key])}`;
    const story: EventText = { type: typeOf(why), action: 'Hold', reason: why.code, note };
    const what = `${why.code} ${why.detail ?? ''}`;
    if (!this.#events.tell(world, key, story, told.has(what) ? {} : { same: what })) return false;
    if (told.size >= TOLD_MAX) told.clear();
    told.add(what);
    return true;
  }

  /** The term is over: what waits is told by the next leader. */
  end(): void {
    this.#options.metrics.replace('stellar_peers_waiting', []);
    this.#options.metrics.replace('stellar_peers_view_size', []);
  }

  /** Writes an Event on the StellarNode. Never rejects. */
  tell(world: World, key: Key, story: EventText): void {
    this.#events.tell(world, key, story);
  }

  /** Whose list of peers stands in a ConfigMap for the first time. */
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
