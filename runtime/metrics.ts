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
  stellar_peers_passes_total: {
    kind: 'counter',
    help: 'Passes over everything that this process has finished as the leader.',
    labels: [],
  },
  stellar_peers_next_pass_seconds: {
    kind: 'gauge',
    help: 'How long after the last pass the next one follows if nothing changes; 0 while a restart is being decided, and on replicas that do not lead.',
    labels: [],
  },
  stellar_peers_validators: {
    kind: 'gauge',
    help: 'Validators by group and state (active, suspended), past 100 groups as `other`; on the leader.',
    labels: ['group', 'state'],
  },
  stellar_peers_network_info: {
    kind: 'gauge',
    help: 'Always 1: what the network of a group is called; a private one by its namespaces and the hash of its passphrase.',
    labels: ['group', 'title'],
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
  stellar_peers_ready_validators: {
    kind: 'gauge',
    help: 'Active validators all of whose pods are Ready, by group; on the leader, as all that is said by group.',
    labels: ['group'],
  },
  stellar_peers_quorum_margin: {
    kind: 'gauge',
    help: 'How many more validators may go down before the strictest quorum set, or home domain, is short of its threshold; absent where one cannot be read.',
    labels: ['group'],
  },
  stellar_peers_restarts_in_flight: {
    kind: 'gauge',
    help: 'Restarts of ours that are begun and not over, from the journal.',
    labels: ['group'],
  },
  stellar_peers_restart_since_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the oldest of them was begun, as a Unix time, from the journal; absent where there is none.',
    labels: ['group'],
  },
  stellar_peers_restarts_last_day: {
    kind: 'gauge',
    help: 'Restarts of ours within the last 24 hours that came about, from the journal: a failover resets nothing.',
    labels: ['group'],
  },
  stellar_peers_paused_validators: {
    kind: 'gauge',
    help: 'Active validators that are paused, by whatever object, or whose annotation is not known here.',
    labels: ['group'],
  },
  stellar_peers_paused_since_timestamp_seconds: {
    kind: 'gauge',
    help: 'Since when the oldest of these is known to be paused, as a Unix time; a new leader begins at its start.',
    labels: ['group'],
  },
  stellar_peers_drifted_validators: {
    kind: 'gauge',
    help: 'Validators whose pods lack peers that they should have got, those left so on purpose (adoption, opt-out, strategy) aside.',
    labels: ['group'],
  },
  stellar_peers_drift_since_timestamp_seconds: {
    kind: 'gauge',
    help: 'Since when the oldest of these lacks something, as a Unix time; a new leader counts from the last change of what is published.',
    labels: ['group'],
  },
  stellar_peers_group_waiting: {
    kind: 'gauge',
    help: 'Waiting StellarNodes by group and reason; group is empty for those in no group.',
    labels: ['group', 'reason'],
  },
  stellar_peers_waiting_since_timestamp_seconds: {
    kind: 'gauge',
    help: 'Since when the oldest of these has waited for that reason, as a Unix time; a new leader begins at its start.',
    labels: ['group', 'reason'],
  },
  stellar_peers_listed_peers: {
    kind: 'gauge',
    help: 'Pods of active validators that others may be told of, by group.',
    labels: ['group'],
  },
  stellar_peers_live_peers: { kind: 'gauge', help: 'Those of them that run.', labels: ['group'] },
  stellar_peers_fewest_known_peers: {
    kind: 'gauge',
    help: 'Fewest peers that a running pod of the group was started with; 0 for one that was not injected.',
    labels: ['group'],
  },
  stellar_peers_fewest_connected_peers: {
    kind: 'gauge',
    help: 'Fewest peers that a running pod of the group is connected to, of those whose HTTP port is open.',
    labels: ['group'],
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

/** One line of a gauge. */
export interface Series {
  readonly labels: Labels;
  readonly value: number;
}

export class Metrics {
  readonly #registry = new Registry();

  constructor() {
    for (const [name, { kind, help, labels }] of Object.entries(METRICS)) {
      const common = { name, help, labelNames: labels, registers: [this.#registry] };
      if (kind === 'counter') new Counter(common);
      else if (kind === 'gauge') new Gauge(common);
      else new Histogram({ ...common, buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 3, 5] });
    }
  }

  count(name: MetricName, labels: Labels = {}, by = 1): void {
    (this.#registry.getSingleMetric(name) as Counter).inc(labels, by);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    this.#gauge(name).set(labels, value);
  }

  observe(name: MetricName, value: number): void {
    (this.#registry.getSingleMetric(name) as Histogram).observe(value);
  }

  /** Replaces all series of a gauge, so that what is over disappears. */
  replace(name: MetricName, series: readonly Series[]): void {
    const gauge = this.#gauge(name);
    gauge.reset();
    for (const { labels, value } of series) gauge.set(labels, value);
  }

  #gauge(name: MetricName): Gauge {
    return this.#registry.getSingleMetric(name) as Gauge;
  }

  /** The text that Prometheus scrapes. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}
