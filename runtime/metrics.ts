/**
 * All metrics in one table, from which docs/metrics.md is generated.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Name → kind, help and labels. */
export const METRICS = {
  stellar_peers_admission_reviews_total: {
    kind: 'counter',
    help: 'Admission reviews answered, by result.',
    labels: ['result'],
  },
  stellar_peers_admission_duration_seconds: {
    kind: 'histogram',
    help: 'Time to answer an admission review, holding for a young network included.',
    labels: [],
  },
  stellar_peers_leader: { kind: 'gauge', help: '1 on the replica that leads, else 0.', labels: [] },
  stellar_peers_cache_staleness_seconds: {
    kind: 'gauge',
    help: 'Age of the cache that is furthest behind; 0 while every watch is up.',
    labels: [],
  },
  stellar_peers_validators: {
    kind: 'gauge',
    help: 'Validators by group and state (active, suspended), past 100 groups as `other`; on the leader.',
    labels: ['group', 'state'],
  },
  stellar_peers_view_size: {
    kind: 'gauge',
    help: 'Most peers in one view, by namespace with validators; less than MAX_PEERS where more do not fit, 0 where no size does; on the leader.',
    labels: ['namespace'],
  },
  stellar_peers_waiting: {
    kind: 'gauge',
    help: 'StellarNodes for which something is not done, by reason; on the leader.',
    labels: ['reason'],
  },
  stellar_peers_restarts_total: {
    kind: 'counter',
    help: 'Restarts that this process began, by kind and drift.',
    labels: ['kind', 'drift'],
  },
  stellar_peers_configmap_writes_total: {
    kind: 'counter',
    help: 'ConfigMaps written by this process.',
    labels: [],
  },
  stellar_peers_core_ports: {
    kind: 'gauge',
    help: 'Running validators by what is known of their HTTP port (open, closed, unknown); on the leader.',
    labels: ['state'],
  },
  stellar_peers_signals_total: {
    kind: 'counter',
    help: 'Calls that told a validator to connect to a peer, by result (told, failed).',
    labels: ['result'],
  },
  stellar_peers_expected_peers: {
    kind: 'gauge',
    help: 'Peers that a validator should know, where its HTTP port is open; on the leader.',
    labels: ['namespace', 'pod'],
  },
  stellar_peers_connected_peers: {
    kind: 'gauge',
    help: 'Those of them that it is connected to; on the leader.',
    labels: ['namespace', 'pod'],
  },
  stellar_peers_synced: {
    kind: 'gauge',
    help: '1 for a validator that says it is synced, has a peer and closed a ledger lately, else 0; on the leader.',
    labels: ['namespace', 'pod'],
  },
  stellar_peers_certificate_expiry_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the certificate that is served expires, as a Unix time.',
    labels: [],
  },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; help: string; labels: readonly string[] }
>;

export type MetricName = keyof typeof METRICS;
type Labels = Readonly<Record<string, string>>;

export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    for (const [name, { kind, help, labels }] of Object.entries(METRICS)) {
      const common = { name, help, labelNames: labels, registers: [this.#registry] };
      if (kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (kind === 'gauge') this.#gauges.set(name, new Gauge(common));
      else
        this.#histograms.set(
          name,
          new Histogram({ ...common, buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 3, 5] }),
        );
    }
  }

  count(name: MetricName, labels: Labels = {}, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  observe(name: MetricName, value: number): void {
    this.#histograms.get(name)?.observe(value);
  }

  /** Replaces all series of a gauge, so that what is over disappears. */
  replace(
    name: MetricName,
    series: ReadonlyArray<{ readonly labels: Labels; readonly value: number }>,
  ): void {
    const gauge = this.#gauges.get(name);
    gauge?.reset();
    for (const { labels, value } of series) gauge?.set(labels, value);
  }

  /** The text that Prometheus scrapes. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}
