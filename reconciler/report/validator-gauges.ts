/**
 * The numbers of each network: validators that are up, paused or drifted, restarts, peers. Groups that share a label
 * are combined: counts are added, and the smallest of their times and margins is shown. Pure.
 */
import type { Cluster, Group, Moment } from '../../peers/discovery/discover.ts';
import { digestsOfPod, podOf, podsOf } from '../../peers/discovery/pods.ts';
import { leastOf } from '../../peers/lists.ts';
import type { ReasonCode } from '../../peers/reasons/reasons.ts';
import { type PublishedView, publishedFor } from '../../peers/views/views.ts';
import type { Key, PodFacts, Validator } from '../../peers/world.ts';
import { entriesOfGroup } from '../plan/journal/group-journal.ts';
import { openEntries, restartsLastDay } from '../plan/journal/journal.ts';
import type { Connections } from '../plan/publish/overview.ts';
import { leastSteps } from '../plan/quorum/quorum-margin.ts';
import type { GroupPlan } from '../plan/restarts/rollout.ts';
import { updateStrategyOf } from '../plan/restarts/update-strategy.ts';
import { isUp } from '../plan/status/validator-state.ts';

/** Combines the numbers of two groups. */
type Together = (a: number, b: number) => number;
const sum: Together = (a, b) => a + b;
const least: Together = Math.min;

/** The metrics, each with the way to combine two groups. */
export const VALIDATOR_GAUGES = {
  stellar_peers_ready_validators: sum,
  stellar_peers_quorum_margin: least,
  stellar_peers_restarts_in_flight: sum,
  stellar_peers_restart_since_timestamp_seconds: least,
  stellar_peers_restarts_last_day: sum,
  stellar_peers_paused_validators: sum,
  stellar_peers_paused_since_timestamp_seconds: least,
  stellar_peers_told_validators: sum,
  stellar_peers_drifted_validators: sum,
  stellar_peers_drift_since_timestamp_seconds: least,
  stellar_peers_listed_peers: sum,
  stellar_peers_live_peers: sum,
  stellar_peers_fewest_known_peers: least,
  stellar_peers_fewest_connected_peers: least,
} as const satisfies Readonly<Record<string, Together>>;

export type ValidatorGauge = keyof typeof VALIDATOR_GAUGES;
/** The numbers of one group, or of the groups that share a label. */
type Figures = Map<ValidatorGauge, number>;

export interface ValidatorGaugeInput extends Moment {
  readonly connections: Connections;
  readonly ownNamespace: string;
  /** Since when a validator has been paused, or has lacked something; undefined if it is not so. */
  readonly pausedSinceMs: (key: Key) => number | undefined;
  readonly driftSinceMs: (key: Key) => number | undefined;
  readonly told: ReadonlySet<Key>;
}

const seconds = (ms: number | undefined): number | undefined => ms && ms / 1000;

function note(figures: Figures, figure: ValidatorGauge, value: number | undefined): void {
  if (value === undefined) return;
  const before = figures.get(figure);
  figures.set(figure, before === undefined ? value : VALIDATOR_GAUGES[figure](before, value));
}

/** The numbers of all groups by label. */
export function* validatorGaugeSteps(
  input: ValidatorGaugeInput,
  labels: ReadonlyMap<string, string>,
): Generator<undefined, Map<string, Figures>> {
  const byLabel = new Map<string, Figures>();
  for (const group of input.discovery.groups.values()) {
    const label = labels.get(group.key) ?? group.key;
    const figures: Figures = byLabel.get(label) ?? new Map();
    byLabel.set(label, figures);
    yield* groupSteps(figures, group, input);
    for (const validator of group.validators) noteValidator(figures, validator, input);
    for (const member of group.members) notePod(figures, podOf(member, input.world, input.discovery), input);
    yield;
  }
  return byLabel;
}

function* groupSteps(
  figures: Figures,
  group: Group,
  { world, discovery, nowMs }: ValidatorGaugeInput,
): Generator<undefined, void> {
  const entries = entriesOfGroup(world.journal, group) ?? [];
  const open = openEntries(entries);
  note(figures, 'stellar_peers_quorum_margin', (yield* leastSteps(group, { world, discovery }))?.left);
  note(figures, 'stellar_peers_restarts_in_flight', open.length);
  for (const { atMs } of open) note(figures, 'stellar_peers_restart_since_timestamp_seconds', seconds(atMs));
  note(figures, 'stellar_peers_restarts_last_day', restartsLastDay(entries, nowMs).length);
  note(figures, 'stellar_peers_listed_peers', group.members.length);
  note(figures, 'stellar_peers_live_peers', 0);
}

function noteValidator(figures: Figures, validator: Validator, input: ValidatorGaugeInput): void {
  const { key } = validator;
  note(figures, 'stellar_peers_ready_validators', Number(isUp(validator, input)));
  note(figures, 'stellar_peers_told_validators', Number(input.told.has(key)));
  const [pausedMs, driftMs] = [input.pausedSinceMs(key), input.driftSinceMs(key)];
  note(figures, 'stellar_peers_paused_validators', Number(pausedMs !== undefined));
  note(figures, 'stellar_peers_paused_since_timestamp_seconds', seconds(pausedMs));
  note(figures, 'stellar_peers_drifted_validators', Number(driftMs !== undefined));
  note(figures, 'stellar_peers_drift_since_timestamp_seconds', seconds(driftMs));
}

function notePod(figures: Figures, pod: PodFacts | undefined, { connections }: ValidatorGaugeInput): void {
  if (!pod?.running || pod.deleting) return;
  note(figures, 'stellar_peers_live_peers', 1);
  note(figures, 'stellar_peers_fewest_known_peers', knownBy(pod));
  note(figures, 'stellar_peers_fewest_connected_peers', connections.get(pod.key)?.connected);
}

/** The number of peers that the pod started with; undefined if its annotation cannot be read. */
const knownBy = (pod: PodFacts): number | undefined => (pod.injected ? digestsOfPod(pod)?.length : 0);

/** Active validators whose restarts are held by an annotation that a person set. */
export function pausedKeys({ world, discovery, ownNamespace }: ValidatorGaugeInput): Key[] {
  const active = [...discovery.activeIn.values()].flat();
  return active
    .filter((validator) => updateStrategyOf(validator, world, ownNamespace).kind === 'hold')
    .map(({ key }) => key);
}

/** With one of these reasons, missing peers are intended, or normal after the installation. */
const ON_PURPOSE: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'OptedOut',
  'AwaitingAdoption',
  'NotSelected',
  'NotOwned',
  'SignalledInstead',
  'OnRestart',
  'Told',
]);

/** Validators whose sidecar has told them what they lack. */
export const reloadedKeys = (plans: Iterable<GroupPlan>): Key[] =>
  [...plans].flatMap(({ holds }) => [...holds].filter(([, { code }]) => code === 'Told').map(([key]) => key));

/** Validators that lack something against the plan. */
export function driftedKeys(plans: Iterable<GroupPlan>): Key[] {
  return [...plans].flatMap(({ holds, restart }) => [
    ...[...holds].filter(([, { code }]) => !ON_PURPOSE.has(code)).map(([key]) => key),
    ...(restart ? [restart.validator.key] : []),
  ]);
}

/** Since when a validator has lacked something, by the publication or its pod; undefined if that is not known. */
export function lackingSinceMs(key: Key, { world, discovery }: Cluster): number | undefined {
  const statefulSet = discovery.statefulSetOf.get(key);
  if (!statefulSet) return undefined;
  const published = publishedFor(statefulSet, world);
  const times = podsOf(world, statefulSet).flatMap((pod) => lackingFrom(pod, published) ?? []);
  return times.length === 0 ? undefined : leastOf(times);
}

function lackingFrom(pod: PodFacts, published: PublishedView | undefined): number | undefined {
  if (!pod.injected) return pod.createdAtMs;
  if (!published || pod.peerHash === published.hash) return undefined;
  return Math.max(pod.createdAtMs, published.publishedAtMs);
}
