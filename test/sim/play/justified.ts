/**
 * Checks whether a reported reason is true, by the witness' own view of the cluster. Otherwise a validator could wait for
 * ever for a condition that does not exist.
 */

import type { KubeObject } from '../../../runtime/kube/port.ts';
import {
  ConfigMaps,
  MutatingWebhookConfigurations,
  PodDisruptionBudgets,
} from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { isReady, isTerminating } from '../workloads.ts';
import { fragileBeside } from './fragile.ts';
import { RULES, ruleOf, rulesOf } from './links.ts';
import { AWAY, allowedOf, downAmong, isMarginHeld, isUncounted, quorumShort } from './margins.ts';
import { groupOf, keysOf, publishedFor } from './members.ts';
import type { Plan } from './plan.ts';
import { isSetKnown } from './sets.ts';
import { isReliedOn } from './sidecars.ts';
import type { Stage } from './stage.ts';
import {
  allUp,
  annotationOf,
  isInMaintenance,
  isObserved,
  isSettled,
  isUnplaced,
  knownBy,
  nodeOf,
  podsOf,
  setOf,
  split,
} from './standing.ts';
import { notInjectedBecause } from './successor.ts';
import { publishedForMs } from './told.ts';
import type { Witness } from './witness.ts';

type Check = (key: string, stage: Stage, witness: Witness) => boolean;

const JOURNAL = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers-restarts' };
/** Above this size, the journal may be full for the leader, which counts its next entry too. Its own limit is 900 KiB. */
const FULL_BYTES = 850 * 1024;
/** A failed write is tried again after at most half an hour, 36 minutes with jitter. Until then its reason may be shown. */
const TRIED_AGAIN_MS = 37 * 60_000;

const sizeOf = (journal: KubeObject | undefined): number =>
  Object.values(fieldsAt(journal?.data)).reduce<number>((sum, text) => sum + String(text).length, 0);

/** True if the journal has an open restart of the group. */
const openInJournal = (group: string, stage: Stage): boolean =>
  keysOf(stage.plan)
    .filter((key) => groupOf(stage, key) === group)
    .some((key) => journalOf(key, stage).some(({ outcome }) => outcome === undefined));

interface Entry {
  readonly statefulSet: string;
  readonly outcome?: string;
}

/** The journal's entries of a validator. */
function journalOf(key: string, stage: Stage): Entry[] {
  const texts = Object.values(fieldsAt(stage.server.store.get(JOURNAL)?.data)).map(String);
  return texts
    .filter((text) => text.includes(`"${key}"`))
    .flatMap((text) => entriesIn(text).filter(({ statefulSet }) => statefulSet === key));
}

function entriesIn(text: string): Entry[] {
  try {
    return (JSON.parse(text) as { restarts: Entry[] }).restarts;
  } catch {
    return [];
  }
}

/** True if a restart would give the validator more peers, or under `all` another list. */
const lacks = (key: string, stage: Stage): boolean =>
  podsOf(stage.server.store, key).some((pod) => {
    const known = knownBy(pod);
    const published = publishedFor(stage, key)?.digests ?? [];
    if (!known || published.some((digest) => !known.includes(digest))) return true;
    const isRuleAll = (ruleOf(stage, key, stage.settings) ?? 'all') === 'all';
    return isRuleAll && known.some((digest) => !published.includes(digest));
  });

const isToldBySidecar = (key: string, { plan, server }: Stage): boolean =>
  podsOf(server.store, key).some((pod) => isReliedOn(pod, plan));

/** True if a validator of the namespace has an HTTP port, which may say that it is not synced. */
const hasPort = (namespace: string, { nodes }: Plan): boolean =>
  nodes.some((node) => node.namespace === namespace && node.port !== undefined);

const KNOWN = ['RollingUpdate', 'Signal', 'OnRestart', 'paused'];

/** True if the witness can check reasons with this code. */
export const isCheckable = (code: string): boolean => CHECKS[code] !== undefined;

/** True if a reason with this code is true for the validator now. False for codes that cannot be checked. */
export function isJustified(code: string, key: string, stage: Stage, witness: Witness): boolean {
  return CHECKS[code]?.(key, stage, witness) ?? false;
}

const rolloutsOf = (key: string, witness: Witness): unknown[] =>
  [`rollout ${key}`, `switch ${split(key).namespace}`, 'switch all'].map((name) => witness.valueOf(name));

const nearest = (key: string, witness: Witness): unknown =>
  rolloutsOf(key, witness).find((value) => value !== undefined);

const updateStrategyText = (key: string, witness: Witness): string =>
  String(witness.valueOf(`update ${key}`));

const CHECKS: Readonly<Record<string, Check>> = {
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
  UnknownRollFor: (key, stage) => rulesOf(stage, key).some((rule) => !RULES.includes(rule)),
  Telling: (key, stage) => {
    const { reloadSeconds, reloadDeadlineSeconds } = stage.settings;
    const longestMs = Math.max(reloadSeconds, reloadDeadlineSeconds) * 1000;
    return isToldBySidecar(key, stage) && (publishedForMs(key, stage) ?? 0) < longestMs;
  },
  Told: (key, stage) => isToldBySidecar(key, stage) && lacks(key, stage),
  OnRestart: (key, _, witness) => nearest(key, witness) === 'OnRestart',
  SignalledInstead: (key, _, witness) => nearest(key, witness) === 'Signal',
  SignalPortClosed: (key, _, witness) => nearest(key, witness) === 'Signal',
  UnknownBudget: (key, _, witness) =>
    ![undefined, 'uncounted'].includes(witness.valueOf(`budget ${key}`) as string),
  CatchingUp: (key, stage) =>
    podsOf(stage.server.store, key).some((pod) => !isReady(pod) && !isTerminating(pod)),
  NotAllReady: (key, stage) => !allUp(stage.server.store, key),
  Maintenance: (key, stage) => isInMaintenance(nodeOf(stage.server.store, key)),
  OnDelete: (key, _, witness) => updateStrategyText(key, witness).includes('OnDelete'),
  Partitioned: (key, _, witness) => /"partition":[1-9]/.test(updateStrategyText(key, witness)),
  Unsettled: (key, stage, witness) => {
    const set = setOf(stage.server.store, key);
    if (set && isTerminating(set)) return true;
    if (!set || isSettled(set)) return false;
    // A roll never ends by itself if it waits for a pod that is not injected and not Ready.
    const isBareAndDown = (pod: KubeObject) => !knownBy(pod) && !isReady(pod) && !isTerminating(pod);
    if (isObserved(set) && podsOf(stage.server.store, key).some(isBareAndDown)) return false;
    // While a restart of ours is open, the StatefulSet is not being changed by another program.
    return witness.restarts.every((each) => each.node !== key || each.end);
  },
  InFlight: (key, stage, witness) =>
    witness.restarts.some((each) => each.group === witness.groupOf(key) && !each.end) ||
    openInJournal(witness.groupOf(key), stage),
  Restarting: (key, stage) => journalOf(key, stage).some(({ outcome }) => outcome === undefined),
  NotSynced: (key, { plan }) => hasPort(split(key).namespace, plan),
  Queued: (key, stage, witness) => witness.othersOf(key).some((each) => lacks(each, stage)),
  OptedOut: (key, stage) => notInjectedBecause(stage, key) === 'OptedOut',
  NotSelected: (key, stage) => notInjectedBecause(stage, key) === 'NotSelected',
  WebhookMissing: (key, stage) => notInjectedBecause(stage, key) === 'WebhookMissing',
  // If the open restart of a group can neither go on nor be taken back, the whole group waits.
  RefusedByPolicy: (key, stage, witness) =>
    stage.policies.clearForMs(key) < TRIED_AGAIN_MS ||
    (openInJournal(witness.groupOf(key), stage) &&
      witness.othersOf(key).some((each) => stage.policies.clearForMs(each) < TRIED_AGAIN_MS)),
  // This reason is also reported for a lost write, until the next attempt for this validator.
  RestartReverted: (key, stage) =>
    stage.policies.clearForMs(key) < TRIED_AGAIN_MS ||
    journalOf(key, stage).some(({ outcome }) => outcome === 'void'),
  // Another program may have undone the restart just before the leader would have.
  RestartTakenBack: (key, stage, witness) =>
    witness.restarts.some((each) => each.group === witness.groupOf(key) && each.end === 'defused') ||
    [key, ...witness.othersOf(key)].some((each) =>
      journalOf(each, stage).some(({ outcome }) => outcome === 'defused'),
    ),
  ControllerAway: (_, stage) => stage.controller.awakeForMs < TRIED_AGAIN_MS,
  RestartedInVain: (key, _, witness) => witness.restarts.filter(({ node }) => node === key).length > 1,
  JournalFull: (_, stage) => sizeOf(stage.server.store.get(JOURNAL)) > FULL_BYTES,
  JournalUnwritable: (_, stage) => sizeOf(stage.server.store.get(JOURNAL)) > FULL_BYTES,
  NoNode: (key, stage) => [key, ...keysOf(stage.plan)].some((each) => isUnplaced(stage.server.store, each)),
  Stalled: (key, stage, witness) =>
    witness.restarts.some((each) => each.group === witness.groupOf(key) && !each.end) ||
    openInJournal(witness.groupOf(key), stage) ||
    hasPort(split(key).namespace, stage.plan),
  // Any journal entry may count, also one whose write may have been lost: counting too many only delays.
  HourlyLimit: (key, stage, witness) =>
    stage.settings.maxRestartsPerHour < 1_000 &&
    (witness.restarts.some((each) => each.group === witness.groupOf(key) && each.end !== 'defused') ||
      [key, ...witness.othersOf(key)].some((each) => journalOf(each, stage).length > 0)),
  OutsideWindow: (_, stage) => stage.settings.rolloutWindows !== '',
  WaitingForUnavailable: (key, stage, witness) => {
    const counted = [key, ...witness.othersOf(key)].filter((each) => !isUncounted(each, witness));
    const down = downAmong(key, witness, 0).filter(
      (each) => !AWAY.has(witness.downWhy(each)) || podsOf(stage.server.store, each).length > 0,
    );
    return down.length + 1 > allowedOf(stage.settings.maxUnavailable, counted.length);
  },
  QuorumMargin: (key, stage, witness) =>
    isMarginHeld(key, stage) && quorumShort(key, { stage, witness, forMs: 0 }) !== undefined,
  QuorumFragile: (key, stage, witness) =>
    stage.settings.quorumCheck !== 'off' && fragileBeside(key, { stage, witness, forMs: 0 }) !== undefined,
  // On private networks this reason is only a warning.
  QuorumUnknown: (key, { plan, settings }) => settings.quorumCheck !== 'off' && !isSetKnown(key, plan),
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
