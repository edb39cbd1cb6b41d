/**
 * Tells why things were not done: each change of a reason once, as a log line, an Event on the StellarNode
 * and a metric. What it remembers is only what it said last.
 */
import { COMPONENT, STELLAR_API_VERSION } from '../peers/names.ts';
import { describeReason, REASONS, type Reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import { newUid } from '../runtime/clock.ts';
import type { Kube, KubeObject } from '../runtime/kube.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { Events } from '../runtime/resources.ts';

/** Events are a courtesy: at most this many a minute, so that a bad day does not flood the API server. */
const EVENTS_PER_MINUTE = 120;
const NOTE_LENGTH_MAX = 1024;

export interface ReporterOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly instance: string;
}

/** One line of a StellarNode's story. */
export interface Story {
  readonly type: 'Normal' | 'Warning';
  readonly action: string;
  readonly reason: string;
  readonly note: string;
}

export class Reporter {
  readonly #options: ReporterOptions;
  #said = new Map<Key, string>();
  #spent = 0;
  #minuteEndsAtMs = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
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
      const text = describeReason(why);
      log.info({ node: key, reason: why.code, detail: why.detail }, text);
      const note = `${text} ${REASONS[why.code].release}`;
      this.tell(world, key, { type: typeOf(why), action: 'Hold', reason: why.code, note });
    }
    this.#said = said;
    metrics.replace(
      'stellar_peers_waiting',
      [...counts].map(([code, value]) => ({ labels: { reason: code }, value })),
    );
  }

  /** The term is over: what waits is told by the next leader. */
  end(): void {
    this.#options.metrics.replace('stellar_peers_waiting', []);
    this.#options.metrics.replace('stellar_peers_view_size', []);
  }

  /** Writes an Event on the StellarNode, if the minute's share is not spent. Never rejects. */
  tell(world: World, key: Key, story: Story): void {
    const reading = world.nodes.get(key);
    const node = reading?.kind === 'validator' ? reading.validator : undefined;
    const target = node ?? (reading?.kind === 'unreadable' ? reading.node : undefined);
    if (!target || world.namespaces.get(target.namespace)?.terminating || !this.#maySpend()) return;
    const { kube, log, clock, instance } = this.#options;
    const event: KubeObject = {
      apiVersion: Events.apiVersion,
      kind: Events.kind,
      metadata: { name: `${target.name}.${newUid()}`.slice(-253), namespace: target.namespace },
      eventTime: new Date(clock.nowMs()).toISOString().replace('Z', '000Z'),
      reportingController: COMPONENT,
      reportingInstance: instance,
      regarding: {
        apiVersion: STELLAR_API_VERSION,
        kind: 'StellarNode',
        namespace: target.namespace,
        name: target.name,
        uid: target.uid,
      },
      ...story,
      note: story.note.slice(0, NOTE_LENGTH_MAX),
    };
    kube
      .create(Events, event)
      .catch((error: unknown) => log.debug({ error, node: key }, 'an Event was not written'));
  }

  #maySpend(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs >= this.#minuteEndsAtMs) {
      this.#minuteEndsAtMs = nowMs + 60_000;
      this.#spent = 0;
    }
    this.#spent += 1;
    return this.#spent <= EVENTS_PER_MINUTE;
  }
}

/** What goes on by itself is no warning. */
const typeOf = (why: Reason): Story['type'] =>
  REASONS[why.code].release.startsWith('Nothing is needed') ? 'Normal' : 'Warning';
