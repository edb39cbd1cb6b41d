/**
 * Whether a reason that is told in the end is true: each is held against the world as the witness sees it, so that
 * nobody waits for ever for something that is not there.
 */
import { MutatingWebhookConfigurations, PodDisruptionBudgets } from '../../../runtime/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { isReady, isTerminating } from '../workloads.ts';
import { allowedOf, downAmong, isMarginHeld, isUncounted, toleranceOf } from './margins.ts';
import type { Stage } from './stage.ts';
import {
  allUp,
  annotationOf,
  isInMaintenance,
  isSettled,
  knownBy,
  nodeOf,
  podsOf,
  setOf,
  split,
} from './standing.ts';
import type { Witness } from './witness.ts';

type Test = (key: string, stage: Stage, witness: Witness) => boolean;

const KNOWN = ['RollingUpdate', 'Signal', 'OnRestart', 'paused'];

/** True if the reason with that code holds for the validator now; false also for codes that hold nobody. */
export function isJustified(code: string, key: string, stage: Stage, witness: Witness): boolean {
  return TESTS[code]?.(key, stage, witness) ?? false;
}

const rolloutsOf = (key: string, witness: Witness): unknown[] =>
  [`rollout ${key}`, `switch ${split(key).namespace}`, 'switch all'].map((name) => witness.valueOf(name));

const nearest = (key: string, witness: Witness): unknown =>
  rolloutsOf(key, witness).find((value) => value !== undefined);

const updateOf = (key: string, witness: Witness): string => String(witness.valueOf(`update ${key}`));

const TESTS: Readonly<Record<string, Test>> = {
  AwaitingAdoption: (key, stage) => {
    const webhook = stage.server.store.get({
      resource: MutatingWebhookConfigurations,
      name: 'stellar-peers',
    });
    const sinceMs = Date.parse(webhook?.metadata.creationTimestamp ?? '');
    const adopted =
      stage.settings.adoptExisting === 'restart' ||
      annotationOf(nodeOf(stage.server.store, key), 'stellar.org/peer-adopt') === 'now';
    const isOlder = podsOf(stage.server.store, key).some(
      (pod) => !knownBy(pod) && Date.parse(pod.metadata.creationTimestamp ?? '') <= sinceMs,
    );
    return !adopted && isOlder;
  },
  Paused: (key, _, witness) =>
    rolloutsOf(key, witness).some((value) => value === 'paused' || value === 'missing'),
  UnknownStrategy: (key, _, witness) =>
    rolloutsOf(key, witness).some((value) => value !== undefined && !KNOWN.includes(String(value))),
  OnRestart: (key, _, witness) => nearest(key, witness) === 'OnRestart',
  SignalledInstead: (key, _, witness) => nearest(key, witness) === 'Signal',
  UnknownBudget: (key, _, witness) =>
    ![undefined, 'uncounted'].includes(witness.valueOf(`budget ${key}`) as string),
  CatchingUp: (key, stage) =>
    podsOf(stage.server.store, key).some((pod) => !isReady(pod) && !isTerminating(pod)),
  NotAllReady: (key, stage) => !allUp(stage.server.store, key),
  Maintenance: (key, stage) => isInMaintenance(nodeOf(stage.server.store, key)),
  OnDelete: (key, _, witness) => updateOf(key, witness).includes('OnDelete'),
  Partitioned: (key, _, witness) => /"partition":[1-9]/.test(updateOf(key, witness)),
  Unsettled: (key, stage, witness) => {
    const set = setOf(stage.server.store, key);
    // One that waits for a bump of ours is not somebody else's.
    return (
      set !== undefined && !isSettled(set) && witness.restarts.every((each) => each.node !== key || each.end)
    );
  },
  InFlight: (key, _, witness) =>
    [key, ...witness.othersOf(key)].some((each) => witness.downWhy(each) !== undefined),
  Stalled: (key, _, witness) =>
    witness.restarts.some((each) => each.group === witness.groupOf(key) && !each.end),
  // A write that may have landed counts, and so does a pod that others replaced in its place: it only delays.
  HourlyLimit: (key, stage, witness) =>
    stage.settings.maxRestartsPerHour < 1_000 &&
    witness.restarts.some((each) => each.group === witness.groupOf(key) && each.end !== 'defused'),
  OutsideWindow: (_, stage) => stage.settings.rolloutWindows !== '',
  WaitingForUnavailable: (key, stage, witness) => {
    const counted = [key, ...witness.othersOf(key)].filter((each) => !isUncounted(each, witness));
    // Never Ready or down again: it cannot be told apart from outside once its first pod is gone.
    const down = downAmong(key, witness, 0).filter(
      (each) =>
        !(isMarginHeld(key, stage) && ['suspended', 'scaled to 0'].includes(String(witness.downWhy(each)))),
    );
    return down.length + 1 > allowedOf(stage.settings.maxUnavailable, counted.length);
  },
  QuorumMargin: (key, stage, witness) =>
    isMarginHeld(key, stage) && (toleranceOf(key, stage.plan) ?? 0) - downAmong(key, witness, 0).length < 1,
  PdbForbids: (key, stage) =>
    [...stage.server.store.all(PodDisruptionBudgets)].some(({ metadata, status }) => {
      const {
        disruptionsAllowed = 0,
        desiredHealthy = 0,
        expectedPods = 0,
      } = fieldsAt(status) as Record<string, number>;
      const isOwn = metadata.name !== 'by-hand';
      return (
        metadata.namespace === split(key).namespace &&
        disruptionsAllowed < 1 &&
        !(isOwn && desiredHealthy >= expectedPods)
      );
    }),
  NotInjected: (key, stage, witness) =>
    [key, ...witness.othersOf(key)].some(
      (each) =>
        witness.restarts.some(({ node }) => node === each) &&
        podsOf(stage.server.store, each).some((pod) => !knownBy(pod)),
    ),
};
