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
  #said = new Map<Key, string>();
  /** What was told of whom in this term: what comes a second time happened again. */
  readonly #told = new Map<Key, Set<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#events = new EventWriter(options);
  }

  /** Takes in what is held now; whatever changed is told. */
  report(world: World, reasons: ReadonlyMap<Key, Reason>): void {
    const { log, metrics } = this.#options;
    const said = new Map<Key, string>();
    const counts = new Map<string, number>();
    for (const [key, why] of reasons) {
      said.set(key, why.code);
      counts.set(why.code, (counts.get(why.code) ?? 0) + 1);
      if (this.#said.get(key) === why.code) continue;
      log.info({ node: key, reason: why.code, detail: why.detail }, describeReason(why));
      this.#tellReason(world, key, why);
    }
    this.#said = said;
    for (const key of this.#told.keys()) if (!world.nodes.has(key)) this.#told.delete(key);
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([code, value]) => ({ labels: { reason: code }, value })),
    );
  }

  /** For the first time in this term it may be what the former leader told: then its Event stands, and that is enough. */
  #tellReason(world: World, key: Key, why: Reason): void {
    const told = this.#told.get(key) ?? new Set();
    this.#told.set(key, told);
    const note = `${describeReason(why)} ${REASONS[why.code].release}`;
    const story: Story = { type: typeOf(why), action: 'Hold', reason: why.code, note };
    const what = `${why.code} ${why.detail ?? ''}`;
    this.#events.tell(world, key, story, told.has(what) ? {} : { same: what });
    if (told.size >= TOLD_MAX) told.clear();
    told.add(what);
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
