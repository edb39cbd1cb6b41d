/**
 * All metrics in one table, from which docs/metrics.md is generated.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const metric =
  <const K extends 'counter' | 'gauge' | 'histogram'>(kind: K) =>
  (help: string, ...labels: readonly string[]) => ({ kind, help, labels });
const [counter, gauge, histogram] = [metric('counter'), metric('gauge'), metric('histogram')];

/** Name → kind, help and labels. */
export const METRICS = {
  stellar_peers_admission_reviews_total: counter('Admission reviews answered, by result.', 'result'),
  stellar_peers_admission_duration_seconds: histogram(
    'Time to answer an admission review, holding for a young network included.',
  ),
  stellar_peers_leader: gauge('1 on the replica that leads, else 0.'),
  stellar_peers_cache_staleness_seconds: gauge(
    'Age of the cache that is furthest behind; 0 while every watch is up.',
  ),
  stellar_peers_passes_total: counter('Passes over everything that this process has finished as the leader.'),
  stellar_peers_next_pass_seconds: gauge(
    'How long after the last pass the next one follows if nothing changes; 0 while a restart is being decided, and on replicas that do not lead.',
  ),
  stellar_peers_validators: gauge(
    'Validators by group and state (active, suspended), past 100 groups as `other`; on the leader.',
    'group',
    'state',
  ),
  stellar_peers_network_info: gauge(
    'Always 1: what the network of a group is called; a private one by its namespaces and the hash of its passphrase.',
    'group',
    'title',
  ),
  stellar_peers_view_size: gauge(
    'Most peers in one view, by namespace with validators; less than MAX_PEERS where more do not fit, 0 where no size does; on the leader.',
    'namespace',
  ),
  stellar_peers_waiting: gauge(
    'StellarNodes for which something is not done, by reason; on the leader.',
    'reason',
  ),
  stellar_peers_ready_validators: gauge(
    'Active validators all of whose pods are Ready and none crashes again and again, by group; on the leader, as all that is said by group.',
    'group',
  ),
  stellar_peers_quorum_margin: gauge(
    'How many more validators may go down before the strictest quorum set, or home domain, is short of its threshold; absent where one cannot be read.',
    'group',
  ),
  stellar_peers_restarts_in_flight: gauge(
    'Restarts of ours that are begun and not over, from the journal.',
    'group',
  ),
  stellar_peers_restart_since_timestamp_seconds: gauge(
    'When the oldest of them was begun, as a Unix time, from the journal; absent where there is none.',
    'group',
  ),
  stellar_peers_restarts_last_day: gauge(
    'Restarts of ours within the last 24 hours that came about, from the journal: a failover resets nothing.',
    'group',
  ),
  stellar_peers_paused_validators: gauge(
    'Active validators that are paused, by whatever object, or whose annotation is not known here.',
    'group',
  ),
  stellar_peers_paused_since_timestamp_seconds: gauge(
    'Since when the oldest of these is known to be paused, as a Unix time; a new leader begins at its start.',
    'group',
  ),
  stellar_peers_told_validators: gauge(
    'Validators that run with a list of peers that has changed since, and whose sidecar has told them of the new ones.',
    'group',
  ),
  stellar_peers_drifted_validators: gauge(
    'Validators whose pods lack peers that they should have got, those left so on purpose (adoption, opt-out, strategy) and those told aside.',
    'group',
  ),
  stellar_peers_drift_since_timestamp_seconds: gauge(
    'Since when the oldest of these lacks something, as a Unix time; a new leader counts from the last change of what is published.',
    'group',
  ),
  stellar_peers_group_waiting: gauge(
    'Waiting StellarNodes by group and reason; group is empty for those in no group.',
    'group',
    'reason',
  ),
  stellar_peers_waiting_since_timestamp_seconds: gauge(
    'Since when the oldest of these has waited for that reason, as a Unix time; a new leader begins at its start.',
    'group',
    'reason',
  ),
  stellar_peers_listed_peers: gauge(
    'Pods of active validators that others may be told of, by group.',
    'group',
  ),
  stellar_peers_live_peers: gauge('Those of them that run.', 'group'),
  stellar_peers_fewest_known_peers: gauge(
    'Fewest peers that a running pod of the group was started with; 0 for one that was not injected.',
    'group',
  ),
  stellar_peers_fewest_connected_peers: gauge(
    'Fewest peers that a running pod of the group is connected to, of those whose HTTP port is open.',
    'group',
  ),
  stellar_peers_restarts_total: counter(
    'Restarts that this process began, by kind and drift.',
    'kind',
    'drift',
  ),
  stellar_peers_configmap_writes_total: counter('ConfigMaps written by this process.'),
  stellar_peers_core_ports: gauge(
    'Running validators by what is known of their HTTP port (open, closed, unknown); on the leader.',
    'state',
  ),
  stellar_peers_signals_total: counter(
    'Calls that told a validator to connect to a peer, by result (told, failed).',
    'result',
  ),
  stellar_peers_expected_peers: gauge(
    'Peers that a validator should know, where its HTTP port is open; on the leader.',
    'namespace',
    'pod',
  ),
  stellar_peers_connected_peers: gauge(
    'Those of them that it is connected to; on the leader.',
    'namespace',
    'pod',
  ),
  stellar_peers_synced: gauge(
    '1 for a validator that says it is synced, has a peer and closed a ledger lately, else 0; on the leader.',
    'namespace',
    'pod',
  ),
  stellar_peers_certificate_expiry_timestamp_seconds: gauge(
    'When the certificate that is served expires, as a Unix time.',
  ),
} as const;

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
