/**
 * What each panel of the Grafana dashboard asks Prometheus, as a table.
 */

/** One line of a panel: what is asked, and what it is called. */
type Query = readonly [expr: string, legend: string];
type Unit = 'short' | 's' | 'd' | 'dateTimeFromNow' | 'reqps' | 'bool';

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly type: 'stat' | 'timeseries';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** From which value on it is shown as wrong. */
  readonly wrongFrom?: number;
}

/** `expr` summed up so that it does not matter which replica leads. */
const byGroup = (metric: string): string => `max by (group) (${metric}{group=~"$group"})`;
const age = (metric: string): string => `time() - min by (group) (${metric}{group=~"$group"})`;

const NOW: readonly Panel[] = [
  {
    ...{ title: 'Leads', description: 'One replica should.', type: 'stat', unit: 'short' },
    queries: [['sum(stellar_peers_leader)', 'leaders']],
  },
  {
    ...{ title: 'Validators Ready', description: 'Of all that are active.', type: 'stat', unit: 'short' },
    queries: [
      ['sum(max by (group) (stellar_peers_ready_validators{group=~"$group"}))', 'Ready'],
      ['sum(max by (group) (stellar_peers_validators{group=~"$group",state="active"}))', 'active'],
    ],
  },
  {
    ...{
      title: 'Least quorum margin',
      description: 'How many more may go down.',
      type: 'stat',
      unit: 'short',
    },
    queries: [['min(stellar_peers_quorum_margin{group=~"$group"})', 'more may go down']],
  },
  {
    ...{ title: 'Paused', description: 'Validators that nobody restarts.', type: 'stat', unit: 'short' },
    queries: [['sum(max by (group) (stellar_peers_paused_validators{group=~"$group"}))', 'paused']],
    wrongFrom: 1,
  },
  {
    ...{
      title: 'Cache age',
      description: 'Of the replica that is furthest behind.',
      type: 'stat',
      unit: 's',
    },
    queries: [['max(stellar_peers_cache_staleness_seconds)', 'behind']],
    wrongFrom: 60,
  },
  {
    ...{ title: 'Certificate', description: 'Days that it lasts.', type: 'stat', unit: 'd' },
    queries: [['(min(stellar_peers_certificate_expiry_timestamp_seconds) - time()) / 86400', 'left']],
  },
];

const NETWORKS: readonly Panel[] = [
  {
    ...{ title: 'Validators', description: 'By network.', type: 'timeseries', unit: 'short' },
    queries: [
      [byGroup('stellar_peers_ready_validators'), '{{group}} Ready'],
      ['max by (group, state) (stellar_peers_validators{group=~"$group"})', '{{group}} {{state}}'],
    ],
  },
  {
    ...{
      title: 'Quorum margin',
      description: 'At 0 no restart is begun.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [[byGroup('stellar_peers_quorum_margin'), '{{group}}']],
  },
  {
    ...{
      title: 'Peers',
      description: 'What there is to know, and who knows least.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [
      [byGroup('stellar_peers_listed_peers'), '{{group}} listed'],
      [byGroup('stellar_peers_live_peers'), '{{group}} live'],
      [byGroup('stellar_peers_fewest_known_peers'), '{{group}} fewest known'],
      [byGroup('stellar_peers_fewest_connected_peers'), '{{group}} fewest connected'],
    ],
  },
  {
    ...{
      title: 'Connected',
      description: 'Where the HTTP port is open to us.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [
      ['max by (namespace, pod) (stellar_peers_connected_peers)', '{{namespace}}/{{pod}} connected'],
      ['max by (namespace, pod) (stellar_peers_expected_peers)', '{{namespace}}/{{pod}} expected'],
    ],
  },
  {
    ...{ title: 'Synced', description: '1 where a validator says so.', type: 'timeseries', unit: 'bool' },
    queries: [['max by (namespace, pod) (stellar_peers_synced)', '{{namespace}}/{{pod}}']],
  },
  {
    ...{ title: 'HTTP ports', description: 'What is known of them.', type: 'timeseries', unit: 'short' },
    queries: [['max by (state) (stellar_peers_core_ports)', '{{state}}']],
  },
];

const RESTARTS: readonly Panel[] = [
  {
    ...{ title: 'Restarts in 24 hours', description: 'From the journal.', type: 'timeseries', unit: 'short' },
    queries: [
      [byGroup('stellar_peers_restarts_last_day'), '{{group}}'],
      [byGroup('stellar_peers_restarts_in_flight'), '{{group}} in flight'],
    ],
  },
  {
    ...{
      title: 'In flight for',
      description: 'The oldest restart under way.',
      type: 'timeseries',
      unit: 's',
    },
    queries: [[age('stellar_peers_restart_since_timestamp_seconds'), '{{group}}']],
    wrongFrom: 3600,
  },
  {
    ...{
      title: 'Waiting',
      description: 'What each code means: docs/reasons.md.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [
      ['max by (group, reason) (stellar_peers_group_waiting{group=~"$group"})', '{{group}} {{reason}}'],
    ],
  },
  {
    ...{ title: 'Waiting for', description: 'The oldest, by reason.', type: 'timeseries', unit: 's' },
    queries: [
      [
        'time() - min by (group, reason) (stellar_peers_waiting_since_timestamp_seconds{group=~"$group"})',
        '{{group}} {{reason}}',
      ],
    ],
  },
  {
    ...{
      title: 'Lacking peers',
      description: 'Validators that should know more.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [
      [byGroup('stellar_peers_drifted_validators'), '{{group}}'],
      [byGroup('stellar_peers_paused_validators'), '{{group}} paused'],
    ],
  },
  {
    ...{
      title: 'Lacking for',
      description: 'The oldest, and the oldest pause.',
      type: 'timeseries',
      unit: 's',
    },
    queries: [
      [age('stellar_peers_drift_since_timestamp_seconds'), '{{group}}'],
      [age('stellar_peers_paused_since_timestamp_seconds'), '{{group}} paused'],
    ],
  },
];

const OURSELVES: readonly Panel[] = [
  {
    ...{
      title: 'Reviews',
      description: 'Answers of the webhook by result.',
      type: 'timeseries',
      unit: 'reqps',
    },
    queries: [
      ['sum by (result) (rate(stellar_peers_admission_reviews_total[$__rate_interval]))', '{{result}}'],
    ],
  },
  {
    ...{
      title: 'Time to answer',
      description: 'Waits for a young network included.',
      type: 'timeseries',
      unit: 's',
    },
    queries: [0.5, 0.99].map(
      (part): Query => [
        `histogram_quantile(${part}, sum by (le) (rate(stellar_peers_admission_duration_seconds_bucket[$__rate_interval])))`,
        `${100 * part} %`,
      ],
    ),
  },
  {
    ...{
      title: 'Restarts begun',
      description: 'By kind and by what was lacking.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [
      ['sum by (kind, drift) (increase(stellar_peers_restarts_total[1h]))', '{{kind}} {{drift}} in an hour'],
    ],
  },
  {
    ...{ title: 'Signals', description: 'Calls to running validators.', type: 'timeseries', unit: 'short' },
    queries: [['sum by (result) (increase(stellar_peers_signals_total[1h]))', '{{result}} in an hour']],
  },
  {
    ...{
      title: 'ConfigMaps written',
      description: 'None while nothing changes.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [['sum(increase(stellar_peers_configmap_writes_total[1h]))', 'in an hour']],
  },
  {
    ...{
      title: 'Peers in a view',
      description: 'By namespace; less where more do not fit.',
      type: 'timeseries',
      unit: 'short',
    },
    queries: [['max by (namespace) (stellar_peers_view_size)', '{{namespace}}']],
  },
];

/** Rows of panels, the first of single values. */
export const ROWS: ReadonlyArray<readonly [title: string, panels: readonly Panel[]]> = [
  ['Now', NOW],
  ['Networks', NETWORKS],
  ['Restarts', RESTARTS],
  ['stellar-peers itself', OURSELVES],
];

/** What all panels ask, with the variables of Grafana in them. */
export const dashboardQueries = (): string[] =>
  ROWS.flatMap(([, panels]) => panels.flatMap(({ queries }) => queries.map(([expr]) => expr)));
