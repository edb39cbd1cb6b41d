/**
 * The leader's gauges by network, set once a pass and gone when the term is over.
 */
import type { Discovery } from '../peers/discover.ts';
import type { Reason } from '../peers/reasons.ts';
import type { Key, World } from '../peers/world.ts';
import type { Clock } from '../runtime/clock.ts';
import type { MetricName, Metrics, Series } from '../runtime/metrics.ts';
import { inSlices } from '../runtime/slices.ts';
import { Ages } from './ages.ts';
import {
  driftedKeys,
  FIGURES,
  type Figure,
  type FiguresInput,
  figureSteps,
  lackingSinceMs,
  pausedKeys,
} from './figures.ts';
import { labelsOf, validatorSeries } from './group-labels.ts';
import type { Connections } from './overview.ts';
import type { GroupPlan } from './rollout.ts';

/** What a pass found. */
export interface Found {
  readonly world: World;
  readonly discovery: Discovery;
  readonly connections: Connections;
  readonly plans: ReadonlyMap<string, GroupPlan>;
  readonly reasons: ReadonlyMap<Key, Reason>;
}

interface MeasuresOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly ownNamespace: string;
}

const BY_GROUP = Object.keys(FIGURES) as Figure[];
const OTHERS: readonly MetricName[] = [
  'stellar_peers_validators',
  'stellar_peers_group_waiting',
  'stellar_peers_waiting_since_timestamp_seconds',
];

export class Measures {
  readonly #options: MeasuresOptions;
  readonly #waiting = new Ages();
  readonly #paused = new Ages();
  readonly #drifted = new Ages();

  constructor(options: MeasuresOptions) {
    this.#options = options;
  }

  /** Takes in what a pass found, in slices: with thousands of validators admission need not wait for figures. */
  async take({ plans, reasons, ...found }: Found): Promise<void> {
    const { clock, metrics, ownNamespace } = this.#options;
    const { discovery } = found;
    const input: FiguresInput = {
      ...found,
      ownNamespace,
      nowMs: clock.nowMs(),
      pausedSinceMs: (key) => this.#paused.sinceMs(key),
      driftSinceMs: (key) => this.#drifted.sinceMs(key),
    };
    this.#observe(input, plans, reasons);
    const labels = labelsOf(discovery.groups.values());
    metrics.replace('stellar_peers_validators', validatorSeries(discovery.groups, labels));
    this.#showWaiting(reasons, (key) => labels.get(discovery.groupOf.get(key) ?? '') ?? '');
    const byLabel = await inSlices(clock, figureSteps(input, labels));
    for (const figure of BY_GROUP) {
      const series = [...byLabel].flatMap(([group, figures]) => {
        const value = figures.get(figure);
        return value === undefined ? [] : [{ labels: { group }, value }];
      });
      metrics.replace(figure, series);
    }
  }

  #observe(input: FiguresInput, plans: Found['plans'], reasons: Found['reasons']): void {
    const { nowMs } = input;
    const waiting = [...reasons].map(([key, { code }]) => [key, code] as const);
    this.#waiting.observe(waiting, nowMs);
    const paused = pausedKeys(input).map((key) => [key, 'paused'] as const);
    this.#paused.observe(paused, nowMs);
    const drifted = driftedKeys(plans.values()).map((key) => [key, 'drifted'] as const);
    this.#drifted.observe(drifted, nowMs, (key) => lackingSinceMs(key, input));
  }

  #showWaiting(reasons: Found['reasons'], labelOf: (key: Key) => string): void {
    const found = new Map<string, { readonly labels: Series['labels']; count: number; sinceMs: number }>();
    for (const [key, { code }] of reasons) {
      const group = labelOf(key);
      const id = `${group} ${code}`;
      const sinceMs = this.#waiting.sinceMs(key) ?? Number.POSITIVE_INFINITY;
      const before = found.get(id) ?? { labels: { group, reason: code }, count: 0, sinceMs };
      before.count += 1;
      before.sinceMs = Math.min(before.sinceMs, sinceMs);
      found.set(id, before);
    }
    const all = [...found.values()];
    const { metrics } = this.#options;
    metrics.replace(
      'stellar_peers_group_waiting',
      all.map(({ labels, count }) => ({ labels, value: count })),
    );
    metrics.replace(
      'stellar_peers_waiting_since_timestamp_seconds',
      all.map(({ labels, sinceMs }) => ({ labels, value: sinceMs / 1000 })),
    );
  }

  /** The term is over: the next leader shows its own. */
  end(): void {
    for (const name of [...BY_GROUP, ...OTHERS]) this.#options.metrics.replace(name, []);
  }
}
