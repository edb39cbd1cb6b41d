/**
 * The reasons to show for each validator: first its state, then why things are not done for it. `status`, `explain`, the
 * status page and the metrics all use this. Pure.
 *
 *   its restart is under way in the journal        → Stalled or NoNode if there is such a reason, else Restarting
 *   it has no pod                                  → NoPods
 *   a pod has no node                              → NoNode
 *   a pod is missing or not Ready                  → NotReady
 *   one of its containers crashes again and again  → Restarting
 *   it reports that it has no peers, or lags       → OutOfSync
 *   anything else                                  → the first reason, or Current if there is none
 */
import type { Moment } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import type { ContainerRestarts } from '../../../peers/read/pod-shape.ts';
import { type Reason, type ReasonCode, reason } from '../../../peers/reasons/reasons.ts';
import type { Key, PodFacts, Validator } from '../../../peers/world.ts';
import { everyOpen } from '../journal/group-journal.ts';
import type { Connections } from '../publish/overview.ts';
import { CRASHES_COUNT_MS } from '../restarts/reload-belief.ts';
import { noNode } from '../restarts/unplaced.ts';

interface ConnectedMoment extends Moment {
  readonly connections: Connections;
}

/** The reasons of each object, the most important first. */
export type ReasonsByKey = ReadonlyMap<Key, readonly Reason[]>;

/** One word for the state of a validator. */
export const stateOf = (key: Key, told: ReasonsByKey): ReasonCode | 'Current' =>
  told.get(key)?.[0]?.code ?? 'Current';

/** `reasons` with the state of each validator in front. */
export function withValidatorStates(moment: ConnectedMoment, reasons: ReasonsByKey): ReasonsByKey {
  const { world, discovery } = moment;
  const open = new Map(everyOpen(world.journal).map(({ statefulSet, atMs }) => [statefulSet, atMs]));
  const told = new Map(reasons);
  for (const { validators } of discovery.groups.values()) {
    for (const validator of validators) {
      const { key } = validator;
      if (discovery.skipped.has(key)) continue;
      const own = reasons.get(key) ?? [];
      const sinceMs = open.get(key);
      const state = sinceMs === undefined ? conditionOf(validator, moment) : restartingOf(own, sinceMs);
      // A validator that is being restarted does not wait for another.
      const isRest = ({ code }: Reason) => code !== state?.code && !(open.has(key) && code === 'InFlight');
      if (state) told.set(key, [state, ...own.filter(isRest)]);
    }
  }
  return told;
}

const TELLING: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['Stalled', 'NoNode']);

const restartingOf = (own: readonly Reason[], sinceMs: number): Reason =>
  own.find(({ code }) => TELLING.has(code)) ??
  reason('Restarting', `by us, since ${new Date(sinceMs).toISOString()}`);

function conditionOf(validator: Validator, moment: ConnectedMoment) {
  const problem = podsProblem(validator, moment);
  if (problem || validator.suspended) return problem;
  const pods = podsOf(moment.world, moment.discovery.statefulSetOf.get(validator.key));
  const apart = pods.find(({ key }) => {
    const known = moment.connections.get(key);
    return known && ((known.connected === 0 && known.expected > 0) || !known.synced);
  });
  return apart && reason('OutOfSync', apart.key);
}

/** True for a validator that is wanted, and whose pods are all Ready and in no crash loop. */
export const isUp = (validator: Validator, moment: Moment): boolean =>
  !validator.suspended &&
  moment.discovery.statefulSetOf.has(validator.key) &&
  podsProblem(validator, moment) === undefined;

/** Why a validator is not up; undefined if it is up, or need not be. */
function podsProblem(validator: Validator, { world, discovery, nowMs }: Moment): Reason | undefined {
  const { key, namespace, name, suspended } = validator;
  const statefulSet = discovery.statefulSetOf.get(key);
  if (suspended) return undefined;
  // A StatefulSet of the same name but of another owner has the reason NotOwned already.
  if (!statefulSet)
    return world.statefulSets.has(key)
      ? undefined
      : reason(
          'NoPods',
          'its operator has made no StatefulSet',
          `The end of this may say why: kubectl -n ${namespace} describe stellarnode ${name}`,
        );
  if (statefulSet.replicas === 0) return reason('NoPods', 'its StatefulSet has 0 replicas');
  const pods = podsOf(world, statefulSet);
  const unplaced = pods.find(({ unschedulable }) => unschedulable);
  if (unplaced) return noNode(unplaced);
  const down = pods.find(({ ready, deleting }) => !ready || deleting);
  if (down) return notReady(down);
  if (pods.length === 0) return reason('NoPods');
  if (pods.length < statefulSet.replicas) return missing(validator, pods.length, statefulSet.replicas);
  for (const pod of pods) {
    const looping = loopingOf(pod, nowMs);
    if (looping) return restartedAgain(pod, looping);
  }
  return undefined;
}

const missing = ({ namespace, name }: Validator, count: number, of: number): Reason =>
  reason(
    'NotReady',
    `${count} of ${of} pods are there`,
    `The end of this says why: kubectl -n ${namespace} describe sts ${name}`,
  );

function notReady(pod: PodFacts): Reason {
  const { key, namespace, name, deleting, container, containerRestarts } = pod;
  const describe = `The end of this says why: kubectl -n ${namespace} describe pod ${name}`;
  if (deleting) return reason('NotReady', `${key} is being deleted`, describe);
  const again =
    containerRestarts === 0 ? '' : `, and its stellar-core was restarted ${containerRestarts} times`;
  return reason('NotReady', `${key}${again}`, containerRestarts === 0 ? describe : lastLogOf(pod, container));
}

/** Only with the container's name does kubectl know which container is meant. */
const lastLogOf = ({ namespace, name }: PodFacts, container: string | undefined): string =>
  `Its last words say why: kubectl -n ${namespace} logs ${name}${container ? ` -c ${container}` : ''} --previous`;

/** The container that crashes again and again, stellar-core's first. One restart in place is not a loop. */
function loopingOf(pod: PodFacts, nowMs: number): ContainerRestarts | undefined {
  const { container = '', containerRestarts: restarts, startedAtMs, otherRestarts } = pod;
  const own = startedAtMs === undefined ? undefined : { container, restarts, startedAtMs };
  return [own, otherRestarts].find(
    (each) => each && each.restarts > 1 && nowMs - each.startedAtMs < CRASHES_COUNT_MS,
  );
}

function restartedAgain(pod: PodFacts, { container, restarts, startedAtMs }: ContainerRestarts): Reason {
  const isCore = container === (pod.container ?? '');
  const who = isCore ? 'stellar-core' : `container ${container}`;
  const lastAt = new Date(startedAtMs).toISOString();
  return reason(
    'Restarting',
    `${who} of ${pod.key} ${restarts} times, at last ${lastAt}`,
    lastLogOf(pod, container),
  );
}
