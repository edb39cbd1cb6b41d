/**
 * What there is to count of each network: who is up, what is under way, who waits and who lacks what. Pure.
 * Groups that share a label are taken together: numbers are added up, of times and margins the least is shown.
 */
import type { Discovery, Group } from '../peers/discover.ts';
import { digestsOfPod, podOf, podsOf } from '../peers/pods.ts';
import type { ReasonCode } from '../peers/reasons.ts';
import { type PublishedView, publishedView } from '../peers/views.ts';
import type { Key, PodFacts, Validator, World } from '../peers/world.ts';
import { allReady } from './availability.ts';
import { openEntries, readJournal, restartsLastDay } from './journal.ts';
import { marginOf } from './margin.ts';
import type { Connections } from './overview.ts';
import type { GroupPlan } from './rollout.ts';
import { strategyOf } from './strategy.ts';

/** How the figures of two groups become one. */
type Together = (a: number, b: number) => number;
const sum: Together = (a, b) => a + b;
const least: Together = Math.min;

/** The figures by their metrics. */
export const FIGURES = {
  stellar_peers_ready_validators: sum,
  stellar_peers_quorum_margin: least,
  stellar_peers_restarts_in_flight: sum,
  stellar_peers_restart_since_timestamp_seconds: least,
  stellar_peers_restarts_last_day: sum,
  stellar_peers_paused_validators: sum,
  stellar_peers_paused_since_timestamp_seconds: least,
  stellar_peers_drifted_validators: sum,
  stellar_peers_drift_since_timestamp_seconds: least,
  stellar_peers_listed_peers: sum,
  stellar_peers_live_peers: sum,
  stellar_peers_fewest_known_peers: least,
  stellar_peers_fewest_connected_peers: least,
} as const satisfies Readonly<Record<string, Together>>;

export type Figure = keyof typeof FIGURES;
/** What is known of one group, or of those that share a label. */
type Figures = Map<Figure, number>;

export interface FiguresInput {
  readonly world: World;
  readonly discovery: Discovery;
  readonly connections: Connections;
  readonly ownNamespace: string;
  readonly nowMs: number;
  /** Whom a pause holds, and who lacks something, with the time since when. */
  readonly pausedSinceMs: (key: Key) => number | undefined;
  readonly driftSinceMs: (key: Key) => number | undefined;
}

const seconds = (ms: number): number => ms / 1000;

function note(figures: Figures, figure: Figure, value: number | undefined): void {
  if (value === undefined) return;
  const before = figures.get(figure);
  figures.set(figure, before === undefined ? value : FIGURES[figure](before, value));
}

/** The figures of all groups by label; one validator or pod a step. */
export function* figureSteps(
  input: FiguresInput,
  labels: ReadonlyMap<string, string>,
): Generator<undefined, Map<string, Figures>> {
  const byLabel = new Map<string, Figures>();
  for (const group of input.discovery.groups.values()) {
    const label = labels.get(group.key) ?? group.key;
    const figures: Figures = byLabel.get(label) ?? new Map();
    byLabel.set(label, figures);
    noteGroup(figures, group, input);
    for (const validator of group.validators) {
      noteValidator(figures, validator, input);
      yield;
    }
    for (const member of group.members) {
      notePod(figures, podOf(member, input.world, input.discovery), input);
      yield;
    }
  }
  return byLabel;
}

function noteGroup(figures: Figures, group: Group, { world, discovery, nowMs }: FiguresInput): void {
  const entries = readJournal(world.journal, group.key) ?? [];
  const open = openEntries(entries);
  const { tolerance, down } = marginOf(group, { world, discovery });
  note(figures, 'stellar_peers_quorum_margin', tolerance === undefined ? undefined : tolerance - down.size);
  note(figures, 'stellar_peers_restarts_in_flight', open.length);
  for (const { atMs } of open) note(figures, 'stellar_peers_restart_since_timestamp_seconds', seconds(atMs));
  note(figures, 'stellar_peers_restarts_last_day', restartsLastDay(entries, nowMs).length);
  note(figures, 'stellar_peers_listed_peers', group.members.length);
  note(figures, 'stellar_peers_live_peers', 0);
}

function noteValidator(figures: Figures, validator: Validator, input: FiguresInput): void {
  const { world, discovery } = input;
  const { key, suspended } = validator;
  const statefulSet = suspended ? undefined : discovery.statefulSetOf.get(key);
  const isReady = statefulSet !== undefined && statefulSet.replicas > 0 && allReady(world, statefulSet);
  note(figures, 'stellar_peers_ready_validators', Number(isReady));
  const times = [
    [
      'stellar_peers_paused_validators',
      'stellar_peers_paused_since_timestamp_seconds',
      input.pausedSinceMs(key),
    ],
    [
      'stellar_peers_drifted_validators',
      'stellar_peers_drift_since_timestamp_seconds',
      input.driftSinceMs(key),
    ],
  ] as const;
  for (const [count, since, sinceMs] of times) {
    note(figures, count, Number(sinceMs !== undefined));
    note(figures, since, sinceMs === undefined ? undefined : seconds(sinceMs));
  }
}

function notePod(figures: Figures, pod: PodFacts | undefined, { connections }: FiguresInput): void {
  if (!pod?.running || pod.deleting) return;
  note(figures, 'stellar_peers_live_peers', 1);
  note(figures, 'stellar_peers_fewest_known_peers', knownBy(pod));
  note(figures, 'stellar_peers_fewest_connected_peers', connections.get(pod.key)?.connected);
}

const knownBy = (pod: PodFacts): number => (pod.injected ? (digestsOfPod(pod)?.length ?? 0) : 0);

/** Active validators whose restarts are held by an annotation that somebody set. */
export function pausedKeys({ world, discovery, ownNamespace }: FiguresInput): Key[] {
  const active = [...discovery.activeIn.values()].flat();
  return active
    .filter((validator) => strategyOf(validator, world, ownNamespace).kind === 'hold')
    .map(({ key }) => key);
}

/** Whoever lacks something for one of these reasons does so because somebody wants it, or as everybody did at first. */
const ON_PURPOSE: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  ...(['OptedOut', 'AwaitingAdoption', 'NotSelected', 'NotOwned', 'SignalledInstead', 'OnRestart'] as const),
]);

/** Validators that lack something that they should have got. */
export function driftedKeys(plans: Iterable<GroupPlan>): Key[] {
  return [...plans].flatMap(({ holds, restart }) => [
    ...[...holds].filter(([, { code }]) => !ON_PURPOSE.has(code)).map(([key]) => key),
    ...(restart ? [restart.validator.key] : []),
  ]);
}

/**
 * Since when a validator lacks something, as the cluster itself says: since what is published became what it is, or
 * since the pod began, whichever was later. Undefined where it does not say.
 */
export function lackingSinceMs(
  key: Key,
  { world, discovery }: Pick<FiguresInput, 'world' | 'discovery'>,
): number | undefined {
  const statefulSet = discovery.statefulSetOf.get(key);
  if (!statefulSet) return undefined;
  const published = publishedView(world.configMaps.get(statefulSet.namespace), statefulSet.name);
  const times = podsOf(world, statefulSet).flatMap((pod) => lackingFrom(pod, published) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function lackingFrom(pod: PodFacts, published: PublishedView | undefined): number | undefined {
  if (!pod.injected) return pod.createdAtMs;
  if (!published || pod.peerHash === published.hash) return undefined;
  return Math.max(pod.createdAtMs, published.publishedAtMs);
}
