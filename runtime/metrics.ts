/** All metrics in one table, from which docs/metrics.md is generated. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const metric =
  <const K extends 'counter' | 'gauge' | 'histogram'>(kind: K) =>
  (help: string, ...labels: readonly string[]) => ({ kind, help, labels });
const [counter, gauge, histogram] = [metric('counter'), metric('gauge'), metric('histogram')];

/** Name → kind, help and labels. */
export const METRICS = {
  stellar_peers_admission_reviews_total: counter('Admission reviews answered, by result.', 'result'),
  stellar_peers_admission_duration_seconds: histogram(
    'Time to answer an admission review, including the wait for a new network.',
  ),
  stellar_peers_leader: gauge('1 on the replica that leads, else 0.'),
  stellar_peers_cache_staleness_seconds: gauge(
    'Age of the cache that is furthest behind; 0 while every watch is up.',
  ),
  stellar_peers_passes_total: counter('Reconcile passes that this process has finished as the leader.'),
  stellar_peers_next_pass_seconds: gauge(
    'Time from the last pass to the next one if nothing changes; 0 while a restart is being decided, and on replicas that do not lead.',
  ),
  stellar_peers_validators: gauge(
    'Validators by group and state (active, suspended); groups beyond the 100th share the label `other`. Leader only.',
    'group',
    'state',
  ),
  stellar_peers_network_info: gauge(
    "Always 1; the label title names the group's network. A private network is named by its namespaces and the hash of its passphrase.",
    'group',
    'title',
  ),
  stellar_peers_view_size: gauge(
    'The largest number of peers that a list may have, by namespace with validators: MAX_PEERS, or less if such lists do not fit into the ConfigMap, or 0 if no size fits. Leader only.',
    'namespace',
  ),
  stellar_peers_waiting: gauge(
    'StellarNodes for which stellar-peers does not take an action, by reason. Leader only.',
    'reason',
  ),
  stellar_peers_ready_validators: gauge(
    'Active validators whose pods are all Ready and in no crash loop, by group. Leader only, like every metric by group.',
    'group',
  ),
  stellar_peers_quorum_margin: gauge(
    'How many more validators may go down before the strictest quorum set, or home domain, misses its threshold; absent if one cannot be read.',
    'group',
  ),
  stellar_peers_restarts_in_flight: gauge(
    'Restarts by stellar-peers that have begun and not ended, by the journal.',
    'group',
  ),
  stellar_peers_restart_since_timestamp_seconds: gauge(
    'Unix time at which the oldest restart in flight began, by the journal; absent if there is none.',
    'group',
  ),
  stellar_peers_restarts_last_day: gauge(
    'Restarts by stellar-peers that took place within the last 24 hours, by the journal, so that a change of leader resets nothing.',
    'group',
  ),
  stellar_peers_paused_validators: gauge(
    'Active validators that are paused by an annotation, or held by an annotation with an unknown value, on any object.',
    'group',
  ),
  stellar_peers_paused_since_timestamp_seconds: gauge(
    'Unix time at which the longest present pause of a validator began; a new leader counts from its own start.',
    'group',
  ),
  stellar_peers_told_validators: gauge(
    'Validators whose list has changed since their start, and whose sidecar has told stellar-core of the new peers.',
    'group',
  ),
  stellar_peers_drifted_validators: gauge(
    'Validators whose pods lack peers. Not counted: validators that wait for adoption, have opted out, are not restarted by their strategy, or were told by their sidecar.',
    'group',
  ),
  stellar_peers_drift_since_timestamp_seconds: gauge(
    'Unix time at which the longest present lack of peers began; a new leader counts from the last change of the published list.',
    'group',
  ),
  stellar_peers_group_waiting: gauge(
    'Waiting StellarNodes by group and reason; the group is empty for StellarNodes in no group.',
    'group',
    'reason',
  ),
  stellar_peers_waiting_since_timestamp_seconds: gauge(
    'Unix time at which the longest present wait for this reason began; a new leader counts from its own start.',
    'group',
    'reason',
  ),
  stellar_peers_listed_peers: gauge(
    'Pods of active validators that may be in the lists of other validators, by group.',
    'group',
  ),
  stellar_peers_live_peers: gauge('Pods counted in stellar_peers_listed_peers that run, by group.', 'group'),
  stellar_peers_fewest_known_peers: gauge(
    'Smallest number of peers that a running pod of the group started with; 0 for a pod that was not injected.',
    'group',
  ),
  stellar_peers_fewest_connected_peers: gauge(
    'Smallest number of peers that a running pod of the group is connected to, among pods whose HTTP port is open.',
    'group',
  ),
  stellar_peers_restarts_total: counter(
    'Restarts that this process began, by kind and drift.',
    'kind',
    'drift',
  ),
  stellar_peers_configmap_writes_total: counter('ConfigMaps written by this process.'),
  stellar_peers_core_ports: gauge(
    'Running validators by the state of their HTTP port (open, closed, unknown). Leader only.',
    'state',
  ),
  stellar_peers_signals_total: counter(
    'Requests that tell a validator to connect to a peer, by result (told, failed).',
    'result',
  ),
  stellar_peers_expected_peers: gauge(
    'Peers that a pod with an open HTTP port should know. At most 1,000 pods are shown; namespaces take turns. Leader only.',
    'namespace',
    'pod',
  ),
  stellar_peers_connected_peers: gauge(
    'Peers counted in stellar_peers_expected_peers that the pod is connected to. Leader only.',
    'namespace',
    'pod',
  ),
  stellar_peers_synced: gauge(
    '1 for a pod whose stellar-core says that it is synced, has a peer and closed a ledger lately, else 0. Leader only.',
    'namespace',
    'pod',
  ),
  stellar_peers_certificate_expiry_timestamp_seconds: gauge(
    'When the certificate that is served expires, as a Unix time.',
  ),
} as const;

export type MetricName = keyof typeof METRICS;
type Labels = Readonly<Record<string, string>>;

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

  /** Replaces all series of a gauge, so that series which are over disappear. */
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
