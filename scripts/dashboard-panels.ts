/**
 * The panels of the Grafana dashboard, and the Prometheus queries of each.
 */

/** One line of a panel: the query, and its name in the legend. */
type Query = readonly [expr: string, legend: string];
type Unit = 'short' | 's' | 'd' | 'dateTimeFromNow' | 'reqps' | 'bool';

export interface Panel {
  /** Must be clear without the description. */
  readonly title: string;
  readonly description: string;
  readonly type: 'stat' | 'timeseries';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From this value on, the panel shows the value as wrong. */
  readonly wrongFrom?: number;
}

/** Adds the label `title`, the name of the network, to each group. */
const withTitle = (expr: string): string =>
  `(${expr}) * on (group) group_left (title) max by (group, title) (stellar_peers_network_info)`;
/** One value for each group, whichever replica leads. */
const byGroup = (metric: string): string => withTitle(`max by (group) (${metric}{group=~"$group"})`);
const age = (metric: string): string => withTitle(`time() - min by (group) (${metric}{group=~"$group"})`);

/** A single value. */
const stat = (title: string, description: string, unit: Unit, queries: readonly Query[]): Panel => ({
  title,
  description,
  type: 'stat',
  unit,
  queries,
});
/** Lines over time. */
const lines = (title: string, description: string, unit: Unit, queries: readonly Query[]): Panel => ({
  ...stat(title, description, unit, queries),
  type: 'timeseries',
});

const NOW: readonly Panel[] = [
  stat('Leaders', 'Replicas that lead: one should.', 'short', [['sum(stellar_peers_leader)', 'leaders']]),
  stat('Validators that are Ready', 'Of all that are active.', 'short', [
    ['sum(max by (group) (stellar_peers_ready_validators{group=~"$group"}))', 'Ready'],
    ['sum(max by (group) (stellar_peers_validators{group=~"$group",state="active"}))', 'active'],
  ]),
  stat('Smallest quorum margin', 'How many more validators may go down.', 'short', [
    ['min(stellar_peers_quorum_margin{group=~"$group"})', 'more may go down'],
  ]),
  {
    ...stat('Paused validators', 'None of them is restarted.', 'short', [
      ['sum(max by (group) (stellar_peers_paused_validators{group=~"$group"}))', 'paused'],
    ]),
    wrongFrom: 1,
  },
  {
    ...stat('Age of the oldest cache', 'Of the replica that is furthest behind.', 's', [
      ['max(stellar_peers_cache_staleness_seconds)', 'behind'],
    ]),
    wrongFrom: 60,
  },
  stat('Days until the certificate ends', 'Of the replica whose certificate ends first.', 'd', [
    ['(min(stellar_peers_certificate_expiry_timestamp_seconds) - time()) / 86400', 'left'],
  ]),
];

const NETWORKS: readonly Panel[] = [
  lines('Validators, by network', 'How many are Ready, active and suspended.', 'short', [
    [byGroup('stellar_peers_ready_validators'), '{{title}} Ready'],
    [withTitle('max by (group, state) (stellar_peers_validators{group=~"$group"})'), '{{title}} {{state}}'],
  ]),
  lines('Quorum margin, by network', 'How many more may go down. At 0 no restart is begun.', 'short', [
    [byGroup('stellar_peers_quorum_margin'), '{{title}}'],
  ]),
  lines(
    'Peers listed and running, and the fewest that a pod knows',
    'How many peers there are, and how many the pod knows that knows fewest.',
    'short',
    [
      [byGroup('stellar_peers_listed_peers'), '{{title}} listed'],
      [byGroup('stellar_peers_live_peers'), '{{title}} live'],
      [byGroup('stellar_peers_fewest_known_peers'), '{{title}} fewest known'],
      [byGroup('stellar_peers_fewest_connected_peers'), '{{title}} fewest connected'],
    ],
  ),
  lines('Peers that each pod is connected to', 'Where the HTTP port is open to us.', 'short', [
    ['max by (namespace, pod) (stellar_peers_connected_peers)', '{{namespace}}/{{pod}} connected'],
    ['max by (namespace, pod) (stellar_peers_expected_peers)', '{{namespace}}/{{pod}} expected'],
  ]),
  lines('Pods that say they are synced', 'Where the HTTP port is open to us.', 'bool', [
    ['max by (namespace, pod) (stellar_peers_synced)', '{{namespace}}/{{pod}}'],
  ]),
  lines('HTTP ports of validators, open and closed', 'As far as the leader knows.', 'short', [
    ['max by (state) (stellar_peers_core_ports)', '{{state}}'],
  ]),
];

const RESTARTS: readonly Panel[] = [
  lines('Restarts of the last 24 hours, and under way', 'From the journal.', 'short', [
    [byGroup('stellar_peers_restarts_last_day'), '{{title}}'],
    [byGroup('stellar_peers_restarts_in_flight'), '{{title}} in flight'],
  ]),
  {
    ...lines('How long the oldest restart is under way', 'By network.', 's', [
      [age('stellar_peers_restart_since_timestamp_seconds'), '{{title}}'],
    ]),
    wrongFrom: 3600,
  },
  lines('Validators that wait, by reason', 'What each code means: docs/reasons.md.', 'short', [
    [
      withTitle('max by (group, reason) (stellar_peers_group_waiting{group=~"$group"})'),
      '{{title}} {{reason}}',
    ],
  ]),
  lines('How long the oldest waits, by reason', 'What each code means: docs/reasons.md.', 's', [
    [
      withTitle(
        'time() - min by (group, reason) (stellar_peers_waiting_since_timestamp_seconds{group=~"$group"})',
      ),
      '{{title}} {{reason}}',
    ],
  ]),
  lines('Validators that lack peers, or are paused', 'By network.', 'short', [
    [byGroup('stellar_peers_drifted_validators'), '{{title}}'],
    [byGroup('stellar_peers_told_validators'), '{{title}} told'],
    [byGroup('stellar_peers_paused_validators'), '{{title}} paused'],
  ]),
  lines('How long the oldest lacks peers, or is paused', 'By network.', 's', [
    [age('stellar_peers_drift_since_timestamp_seconds'), '{{title}}'],
    [age('stellar_peers_paused_since_timestamp_seconds'), '{{title}} paused'],
  ]),
];

const OURSELVES: readonly Panel[] = [
  lines('Admission reviews a second, by result', 'What the webhook answered.', 'reqps', [
    ['sum by (result) (rate(stellar_peers_admission_reviews_total[$__rate_interval]))', '{{result}}'],
  ]),
  lines(
    'Time to answer a review',
    'Waits for a young network included.',
    's',
    [0.5, 0.99].map(
      (part): Query => [
        `histogram_quantile(${part}, sum by (le) (rate(stellar_peers_admission_duration_seconds_bucket[$__rate_interval])))`,
        `${100 * part} %`,
      ],
    ),
  ),
  lines('Restarts begun in an hour', 'By kind and by what was lacking.', 'short', [
    ['sum by (kind, drift) (increase(stellar_peers_restarts_total[1h]))', '{{kind}} {{drift}} in an hour'],
  ]),
  lines('Signals in an hour', 'Calls that tell running validators of a peer.', 'short', [
    ['sum by (result) (increase(stellar_peers_signals_total[1h]))', '{{result}} in an hour'],
  ]),
  lines('ConfigMaps written in an hour', 'None while nothing changes.', 'short', [
    ['sum(increase(stellar_peers_configmap_writes_total[1h]))', 'in an hour'],
  ]),
  lines(
    'Passes of the leader in an hour',
    'How often the leader planned everything anew, and the seconds until it does so again.',
    'short',
    [
      ['sum(increase(stellar_peers_passes_total[1h]))', 'in an hour'],
      ['max(stellar_peers_next_pass_seconds)', 'seconds to the next'],
    ],
  ),
  lines(
    'Most peers in one list, by namespace',
    'Smaller in a namespace whose ConfigMap has no room for more.',
    'short',
    [['max by (namespace) (stellar_peers_view_size)', '{{namespace}}']],
  ),
];

/** Rows of panels, and the page of docs/ that explains each row. The first row has single values. */
export const ROWS: ReadonlyArray<readonly [title: string, panels: readonly Panel[], doc: string]> = [
  ['Now', NOW, 'runbook.md#alerts'],
  ['Networks', NETWORKS, 'rollout.md#how-many-may-be-down'],
  ['Restarts', RESTARTS, 'reasons.md'],
  ['stellar-peers itself', OURSELVES, 'metrics.md'],
];

/** Marks in all panels the times when a restart was under way. */
export const RESTART_MARKS: Query = [
  withTitle('max by (group) (stellar_peers_restarts_in_flight{group=~"$group"}) > 0'),
  'Restart in {{title}}',
];

/** The queries of all panels. They contain variables of Grafana. */
export const dashboardQueries = (): string[] =>
  [...ROWS.flatMap(([, panels]) => panels.flatMap(({ queries }) => queries)), RESTART_MARKS].map(
    ([expr]) => expr,
  );
