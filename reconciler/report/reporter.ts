/** Reports each change of a reason once: by a log line, an Event on the StellarNode and a metric. */
import { describeReason, isState, type Reason, releaseOf, severityOf } from '../../peers/reasons/reasons.ts';
import { type Key, namespaceOf, type World } from '../../peers/world.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Newcomer } from '../plan/publish/publish.ts';
import type { ReasonsByKey } from '../plan/status/validator-state.ts';
import { type EventsOptions, type EventText, EventWriter } from './events.ts';

/** The most reasons to remember of one StellarNode. */
const TOLD_MAX = 50;

export interface ReporterOptions extends EventsOptions {
  readonly metrics: Metrics;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #events: EventWriter;
  /** `key code` of each reason that was logged and still holds. */
  readonly #logged = new Set<string>();
  /** The logged reasons whose Events exceeded the limit of their minute. They are written in the next minute. */
  readonly #eventsDue = new Set<string>();
  /** The Events of each StellarNode since this leader began. If the same reason comes again, it has happened again. */
  readonly #eventsTold = new Map<Key, Set<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = new EventWriter(options);
  }

  /** Reports the present reasons, one in each step: tenants decide how many there are, and admission shares the process. */
  *reportSteps(world: World, reasons: ReasonsByKey): Generator<undefined, void> {
    const all = [...reasons].flatMap(([key, whys]) => whys.map((why) => ({ key, why })));
    const now = new Set(all.map(({ key, why }) => idOf(key, why)));
    for (const id of this.#logged) if (!now.has(id)) this.#logged.delete(id);
    for (const id of this.#eventsDue) if (!now.has(id)) this.#eventsDue.delete(id);
    for (const key of this.#eventsTold.keys()) if (!world.nodes.has(key)) this.#eventsTold.delete(key);
    const { metrics } = this.#options;
    const counts = Map.groupBy(all, ({ why }) => why.code);
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([reason, { length: value }]) => ({ labels: { reason }, value })),
    );
    for (const { key, why } of all) {
      if (!isState(why)) this.#reportChange(world, key, why);
      yield;
    }
  }

  /** Logs a reason that is new, and writes its Event, now or as soon as there is room. */
  #reportChange(world: World, key: Key, why: Reason): void {
    const id = idOf(key, why);
    const isKnown = this.#logged.has(id);
    if (isKnown && !(this.#eventsDue.has(id) && this.#events.hasRoomIn(namespaceOf(key)))) return;
    this.#logged.add(id);
    if (!isKnown)
      this.#options.log.info({ node: key, reason: why.code, detail: why.detail }, describeReason(why));
    if (this.#reportReason(world, key, why)) this.#eventsDue.delete(id);
    else this.#eventsDue.add(id);
  }

  /** The wait, in ms, until the next report without a change: an Event exceeded the limit of this minute. */
  retryInMs(): number | undefined {
    return this.#eventsDue.size > 0 ? this.#events.nextMinuteInMs() : undefined;
  }

  /**
   * False if there was no room for the Event. The first Event of a reason has the same name for each leader: if the
   * former leader wrote it, it is not written again.
   */
  #reportReason(world: World, key: Key, why: Reason): boolean {
    const told = this.#eventsTold.get(key) ?? new Set();
    this.#eventsTold.set(key, told);
    const note = `${describeReason(why)} ${releaseOf(why, [key])}`;
    const story: EventText = { type: typeOf(why), action: 'Hold', reason: why.code, note };
    const what = `${why.code} ${why.detail ?? ''}`;
    if (!this.#events.tell(world, key, story, told.has(what) ? {} : { same: what })) return false;
    if (told.size >= TOLD_MAX) told.clear();
    told.add(what);
    return true;
  }

  /** Call when leadership ends. The next leader reports what waits. */
  end(): void {
    this.#options.metrics.replace('stellar_peers_waiting', []);
    this.#options.metrics.replace('stellar_peers_view_size', []);
  }

  /** Writes an Event on the StellarNode. Never rejects. */
  tell(world: World, key: Key, story: EventText): void {
    this.#events.tell(world, key, story);
  }

  /** Reports the validators whose list of peers was published for the first time. */
  reportPublished(world: World, newcomers: readonly Newcomer[]): void {
    for (const { key, peers } of newcomers) {
      const note = `Published ${peers} peers for this validator, and its address in their lists.`;
      const story: EventText = { type: 'Normal', action: 'Publish', reason: 'PeersPublished', note };
      this.#events.tell(world, key, story, { minor: true });
    }
  }
}

const idOf = (key: Key, { code }: Reason): string => `${key} ${code}`;

/** A reason that ends by itself is not a warning. */
const typeOf = (why: Reason): EventText['type'] => (severityOf(why.code) === 'info' ? 'Normal' : 'Warning');
