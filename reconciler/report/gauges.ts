/** The leader's gauges by network. Each pass sets them; the end of the leadership removes them. */
import type { Cluster } from '../../peers/discovery/discover.ts';
import type { Key } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { MetricName, Metrics, Series } from '../../runtime/metrics.ts';
import { inOneGo, inSlices } from '../../runtime/slices.ts';
import type { Connections } from '../plan/publish/overview.ts';
import { Ages } from '../plan/restarts/ages.ts';
import type { GroupPlan } from '../plan/restarts/rollout.ts';
import type { ReasonsByKey } from '../plan/status/validator-state.ts';
import { labelsOf, titleSeries, validatorSeries } from './group-labels.ts';
import {
  driftedKeys,
  lackingSinceMs,
  pausedKeys,
  reloadedKeys,
  VALIDATOR_GAUGES,
  type ValidatorGauge,
  type ValidatorGaugeInput,
  validatorGaugeSteps,
} from './validator-gauges.ts';

/** The results of one pass. */
export interface GaugeInput extends Cluster {
  readonly connections: Connections;
  readonly plans: ReadonlyMap<string, GroupPlan>;
  readonly reasons: ReasonsByKey;
}

interface GaugesOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly ownNamespace: string;
}

const BY_GROUP = Object.keys(VALIDATOR_GAUGES) as ValidatorGauge[];
const OTHERS: readonly MetricName[] = [
  'stellar_peers_validators',
  'stellar_peers_network_info',
  'stellar_peers_group_waiting',
  'stellar_peers_waiting_since_timestamp_seconds',
  'stellar_peers_next_pass_seconds',
];

export class Gauges {
  readonly #options: GaugesOptions;
  readonly #waiting = new Ages();
  readonly #paused = new Ages();
  readonly #drifted = new Ages();

  constructor(options: GaugesOptions) {
    this.#options = options;
  }

  async take({ plans, reasons, ...found }: GaugeInput): Promise<void> {
    const { clock, metrics, ownNamespace } = this.#options;
    const { discovery } = found;
    const input: ValidatorGaugeInput = {
      ...found,
      ownNamespace,
      nowMs: clock.nowMs(),
      told: new Set(reloadedKeys(plans.values())),
      pausedSinceMs: (key) => this.#paused.sinceMs(key),
      driftSinceMs: (key) => this.#drifted.sinceMs(key),
    };
    await inOneGo(clock, () => this.#observe(input, plans, reasons));
    const labels = labelsOf(discovery.groups.values());
    metrics.replace('stellar_peers_validators', validatorSeries(discovery.groups, labels));
    metrics.replace('stellar_peers_network_info', titleSeries(discovery.groups, labels));
    const labelOf = (key: Key) => labels.get(discovery.groupOf.get(key) ?? '') ?? '';
    await inOneGo(clock, () => this.#showWaiting(reasons, labelOf));
    const byLabel = await inSlices(clock, validatorGaugeSteps(input, labels));
    for (const figure of BY_GROUP) {
      const series = [...byLabel].flatMap(([group, figures]) => {
        const value = figures.get(figure);
        return value === undefined ? [] : [{ labels: { group }, value }];
      });
      metrics.replace(figure, series);
    }
  }

  #observe(input: ValidatorGaugeInput, plans: GaugeInput['plans'], reasons: GaugeInput['reasons']): void {
    const { nowMs } = input;
    const waiting = eachOf(reasons).map(({ key, code }) => [`${key} ${code}`, code] as const);
    this.#waiting.observe(waiting, nowMs);
    const paused = pausedKeys(input).map((key) => [key, 'paused'] as const);
    this.#paused.observe(paused, nowMs);
    const drifted = driftedKeys(plans.values()).map((key) => [key, 'drifted'] as const);
    this.#drifted.observe(drifted, nowMs, (key) => lackingSinceMs(key, input));
  }

  #showWaiting(reasons: GaugeInput['reasons'], labelOf: (key: Key) => string): void {
    const found = new Map<string, { readonly labels: Series['labels']; count: number; sinceMs: number }>();
    for (const { key, code } of eachOf(reasons)) {
      const group = labelOf(key);
      const id = `${group} ${code}`;
      const sinceMs = this.#waiting.sinceMs(`${key} ${code}`) ?? Number.POSITIVE_INFINITY;
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

  /** Counts a pass that has ended. `lookInMs` is the time until the next pass without a change; returns it. */
  passed(lookInMs: number, isDeciding: boolean): number {
    const { metrics } = this.#options;
    metrics.count('stellar_peers_passes_total');
    metrics.set('stellar_peers_next_pass_seconds', isDeciding ? 0 : lookInMs / 1000);
    return lookInMs;
  }

  /** Call when leadership ends. The next leader shows its own gauges. */
  end(): void {
    for (const name of [...BY_GROUP, ...OTHERS]) this.#options.metrics.replace(name, []);
  }
}

const eachOf = (reasons: ReasonsByKey) =>
  [...reasons].flatMap(([key, all]) => all.map(({ code }) => ({ key, code })));
