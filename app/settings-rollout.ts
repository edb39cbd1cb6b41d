/** The settings that decide which validator is restarted, and when: a part of settings-table.ts. */
import { Type } from 'typebox';
import { oneOf, seconds, setting, text } from './setting.ts';

export const ROLLOUT_SETTINGS = {
  rollFor: setting(
    'ROLL_FOR',
    oneOf('auto', 'unlinked', 'missing', 'all'),
    'auto',
    'For which running peers a validator is restarted: `unlinked` for those that neither end knows, `missing` for those ' +
      'that its own list lacks (both below ROLL_BELOW), `all` for each change of its list, peers that left included, ' +
      'where the list names all members there are; `auto` is `unlinked` on public networks and `missing` on others.',
  ),
  rollBelow: setting(
    'ROLL_BELOW',
    text('^(all|[0-9]{1,3})$', 'a whole number from 0 to 999, or all'),
    '8',
    'A validator is restarted for missing peers only while it knows fewer than this many, or with ROLL_FOR=unlinked is ' +
      'linked to fewer; `all` for every change.',
  ),
  maxUnavailable: setting(
    'MAX_UNAVAILABLE',
    text('^([0-9]{1,3}|[0-9]{1,2}%|100%)$', 'a whole number, or a percentage such as 25%'),
    '1',
    'Most validators of a group that may be down for a restart of ours to go ahead, that one included; a number, ' +
      'or a percentage of the group, rounded down to no less than one.',
  ),
  quorumCheck: setting(
    'QUORUM_CHECK',
    oneOf('hold', 'warn', 'off'),
    'hold',
    'What happens where the quorum sets would not bear one more validator down: `hold`, `warn` and go on, or `off`.',
  ),
  quorumUnknown: setting(
    'QUORUM_UNKNOWN',
    oneOf('auto', 'hold', 'warn'),
    'auto',
    'What happens where a quorum set cannot be read, that of the validator itself or of another of its namespace: ' +
      '`hold`, `warn` and go on, or `auto`, which holds on public networks and warns on private ones.',
  ),
  minReadySeconds: setting(
    'MIN_READY_SECONDS',
    seconds(0, 86_400),
    300,
    'How long the leader must have seen all other validators of a group Ready before one is restarted.',
  ),
  minRestartIntervalSeconds: setting(
    'MIN_RESTART_INTERVAL_SECONDS',
    seconds(0, 86_400),
    600,
    'A validator that is up is not restarted before its pods are this old.',
  ),
  maxRestartsPerHour: setting(
    'MAX_RESTARTS_PER_HOUR',
    Type.Integer({ minimum: 0, maximum: 1000 }),
    12,
    'Most restarts of ours in a group within an hour.',
  ),
  rolloutWindows: setting(
    'ROLLOUT_WINDOWS',
    text(
      '^[A-Za-z0-9 ,;:+/_-]*$',
      'windows such as `Mon-Fri 09:00-17:00 Europe/Berlin; daily 22:00-02:00 UTC`',
    ),
    '',
    'When restarts may take place, as days, times and a time zone, with a semicolon between windows; empty for always.',
  ),
  expectedRestartSeconds: setting(
    'EXPECTED_RESTART_SECONDS',
    seconds(0, 86_400),
    600,
    'How long a restart takes until the validator is Ready again, where none was seen within 24 hours: a window must ' +
      'be open for that long.',
  ),
  progressDeadlineSeconds: setting(
    'PROGRESS_DEADLINE_SECONDS',
    seconds(1, 604_800),
    3600,
    'A restart that is not over after this is reported as Stalled.',
  ),
  stabilizationSeconds: setting(
    'STABILIZATION_SECONDS',
    seconds(0, 600),
    30,
    'How long the membership of a group must have been unchanged before one is restarted.',
  ),
  stabilizationMaxSeconds: setting(
    'STABILIZATION_MAX_SECONDS',
    seconds(0, 86_400),
    600,
    'However long changes of the membership go on, they are awaited for no longer than this.',
  ),
  deleteMinAgeSeconds: setting(
    'DELETE_MIN_AGE_SECONDS',
    seconds(0, 86_400),
    60,
    'A pod that is not Ready is not replaced before it is this old.',
  ),
  reloadSeconds: setting(
    'RELOAD_SECONDS',
    seconds(0, 86_400),
    300,
    'How long after a list is published a validator whose sidecar runs counts as told of it: the list must reach the ' +
      'pod, and stellar-core must connect. Until then it is not restarted for missing peers.',
  ),
  reloadDeadlineSeconds: setting(
    'RELOAD_DEADLINE_SECONDS',
    seconds(0, 604_800),
    1800,
    'How long after a list is published a validator that knows no running peer is left to its sidecar; then it is ' +
      'restarted, unless its HTTP port has shown a connection.',
  ),
  adoptExisting: setting(
    'ADOPT_EXISTING',
    oneOf('hold', 'restart'),
    'hold',
    'What becomes of pods older than the webhook: `hold` until their next restart, or `restart` one at a time.',
  ),
} as const;
