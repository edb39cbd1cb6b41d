/**
 * Tells why things were not done: each change of a reason once, as a log line, an Event on the StellarNode
 * and a metric. What it remembers is only what it said last.
 */
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { type EventsOptions, EventWriter, type Story } from './events.ts';
import type { Newcomer } from './publish.ts';

/** Reasons that are remembered of one StellarNode. */
const TOLD_MAX = 50;

export interface ReporterOptions extends EventsOptions {
  readonly metrics: Metrics;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #events: EventWriter;
  readonly #said = new Map<Key, string>();
  /** Whose reason found no room among the Events of its minute: it is told in the next. */
  readonly #untold = new Set<Key>();
  /** What was told of whom in this term: what comes a second time happened again. */
  readonly #told = new Map<Key, Set<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = new EventWriter(options);
  }

  /** Takes in what is held now; whatever changed is told. */
  report(world: World, reasons: ReadonlyMap<Key, Reason>): void {
    const counts = new Map<string, number>();
    for (const [key, why] of reasons) {
      counts.set(why.code, (counts.get(why.code) ?? 0) + 1);
      this.#say(world, key, why);
    }
    for (const key of this.#said.keys()) if (!reasons.has(key)) this.#said.delete(key);
    for (const key of this.#untold) if (!reasons.has(key)) this.#untold.delete(key);
    for (const key of this.#told.keys()) if (!world.nodes.has(key)) this.#told.delete(key);
    const { metrics } = this.#options;
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([code, value]) => ({ labels: { reason: code }, value })),
    );
  }

  /** Says what was not said of it last, or found no room to be told then. */
  #say(world: World, key: Key, why: Reason): void {
    const isKnown = this.#said.get(key) === why.code;
    if (isKnown && !this.#untold.has(key)) return;
    this.#said.set(key, why.code);
    if (!isKnown)
      this.#options.log.info({ node: key, reason: why.code, detail: why.detail }, describeReason(why));
    if (this.#tellReason(world, key, why)) this.#untold.delete(key);
    else this.#untold.add(key);
  }

  /** In how many ms to report again though nothing changes: an Event found no room in its minute. */
  retryInMs(): number | undefined {
    return this.#untold.size > 0 ? this.#events.nextMinuteInMs() : undefined;
  }

  /**
   * False where there was no room for the Event. For the first time in this term it may be what the former leader told:
   * then its Event stands, and that is enough.
   */
  #tellReason(world: World, key: Key, why: Reason): boolean {
    const told = this.#told.get(key) ?? new Set();
    this.#told.set(key, told);
    const note = `${describeReason(why)} ${REASONS[why.code].release}`;
    const story: Story = { type: typeOf(why), action: 'Hold', reason: why.code, note };
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
  tell(world: World, key: Key, story: Story): void {
    this.#events.tell(world, key, story);
  }

  /** Whose list of peers stands in a ConfigMap for the first time. */
  tellPublished(world: World, newcomers: readonly Newcomer[]): void {
    for (const { key, peers } of newcomers) {
      const note = `Its list of peers is published, ${peers} so far, and its address is given to them.`;
      const story: Story = { type: 'Normal', action: 'Publish', reason: 'PeersPublished', note };
      this.#events.tell(world, key, story, { minor: true });
    }
  }
}

/** What goes on by itself is no warning. */
const typeOf = (why: Reason): Story['type'] =>
  REASONS[why.code].release.startsWith('Nothing is needed') ? 'Normal' : 'Warning';
