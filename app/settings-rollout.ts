/** The settings that decide which validator is restarted, and when: a part of settings-table.ts. */
import { Type } from 'typebox';
import { oneOf, seconds, setting, text } from './setting.ts';

export const ROLLOUT_SETTINGS = {
  rollFor: setting(
    'ROLL_FOR',
    oneOf('auto', 'unlinked', 'missing', 'all'),
    'auto',
    'Which running peers a validator is restarted for. `unlinked`: peers that it does not list, and that do not list ' +
      "it. `missing`: peers that the validator's own list lacks. `all`: every change of its list, " +
      'also peers that left; if the network has more members than a list can hold, a full list needs no other peers. ' +
      '`auto`: `unlinked` on public networks, `missing` on private ones. ROLL_BELOW limits the first two.',
  ),
  rollBelow: setting(
    'ROLL_BELOW',
    text('^(all|[0-9]{1,3})$', 'a whole number from 0 to 999, or all'),
    '8',
    'A validator is restarted for missing peers only while it knows fewer peers than this; with ' +
      'ROLL_FOR=unlinked, only while it is linked to fewer. `all` sets no limit.',
  ),
  maxUnavailable: setting(
    'MAX_UNAVAILABLE',
    text('^([0-9]{1,3}|[0-9]{1,2}%|100%)$', 'a whole number, or a percentage such as 25%'),
    '1',
    'How many validators of a group may be down at once, including the one to be restarted: a number, or a ' +
      'percentage of the group, rounded down but at least one.',
  ),
  quorumCheck: setting(
    'QUORUM_CHECK',
    oneOf('hold', 'warn', 'off'),
    'hold',
    'What to do if a quorum set cannot bear one more validator down: `hold` the restart, `warn` and restart, ' +
      'or `off` for no check.',
  ),
  quorumUnknown: setting(
    'QUORUM_UNKNOWN',
    oneOf('auto', 'hold', 'warn'),
    'auto',
    'What to do if the quorum set of the validator, or of another validator of its namespace, cannot be read: ' +
      '`hold` the restart, `warn` and restart, or `auto`, which holds on public networks and warns on private ' +
      'ones.',
  ),
  minReadySeconds: setting(
    'MIN_READY_SECONDS',
    seconds(0, 86_400),
    300,
    'How long the leader must have seen all other validators of a group Ready before it restarts one.',
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
    'How many restarts of a group stellar-peers may begin within an hour.',
  ),
  rolloutWindows: setting(
    'ROLLOUT_WINDOWS',
    text(
      '^[A-Za-z0-9 ,;:+/_-]*$',
      'windows such as `Mon-Fri 09:00-17:00 Europe/Berlin; daily 22:00-02:00 UTC`',
    ),
    '',
    'When validators may be restarted: days, times and a time zone, with a semicolon between windows; empty ' +
      'for always.',
  ),
  expectedRestartSeconds: setting(
    'EXPECTED_RESTART_SECONDS',
    seconds(0, 86_400),
    600,
    'How long a restart is expected to take until the validator is Ready again, if no restart was seen within ' +
      '24 hours; a window must be open for that long.',
  ),
  progressDeadlineSeconds: setting(
    'PROGRESS_DEADLINE_SECONDS',
    seconds(1, 604_800),
    3600,
    'A restart that takes longer than this is reported as Stalled.',
  ),
  stabilizationSeconds: setting(
    'STABILIZATION_SECONDS',
    seconds(0, 600),
    30,
    'How long the membership of a group must have been unchanged before one of its validators is restarted.',
  ),
  stabilizationMaxSeconds: setting(
    'STABILIZATION_MAX_SECONDS',
    seconds(0, 86_400),
    600,
    'The longest wait for the membership of a group to stop changing.',
  ),
  deleteMinAgeSeconds: setting(
    'DELETE_MIN_AGE_SECONDS',
    seconds(0, 86_400),
    60,
    'A pod that is not Ready is deleted only when it is this old, and has been not Ready for this long.',
  ),
  reloadSeconds: setting(
    'RELOAD_SECONDS',
    seconds(0, 86_400),
    300,
    'Time from the publication of a list until a validator with a running sidecar counts as told of that list. Within this ' +
      'time the list must reach the pod, and stellar-core must connect. Until then the validator is not restarted for missing peers.',
  ),
  reloadDeadlineSeconds: setting(
    'RELOAD_DEADLINE_SECONDS',
    seconds(0, 604_800),
    1800,
    'How long a validator that knows no running peer is left to its sidecar. The time begins when the list of the validator ' +
      'first names a running peer that the pod started without. After that time the validator is restarted, unless its HTTP port has shown a connection.',
  ),
  adoptExisting: setting(
    'ADOPT_EXISTING',
    oneOf('hold', 'restart'),
    'hold',
    'What to do with pods that are older than the webhook: `hold` leaves them until their next restart by ' +
      'others, `restart` restarts them one at a time.',
  ),
} as const;
