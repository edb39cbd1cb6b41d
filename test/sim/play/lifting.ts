/**
 * The last check of a history: all obstacles are lifted, and a simulated person follows the hint of each reason. Then every
 * validator must get its peers, so that no hold lasts for ever.
 */
import * as kinds from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { lacking } from './convergence.ts';
import { FILLER, JOURNAL_REF, mark, optOut, restoreWebhook, templateOptOut } from './hindering.ts';
import { Violation } from './invariants.ts';
import { keysOf } from './members.ts';
import { OWN, type Stage } from './stage.ts';
import { nodeOf, podsOf, setOf, split } from './standing.ts';
import { ONE_AT_A_TIME } from './twists.ts';
import type { Witness } from './witness.ts';

const MINUTE_MS = 60_000;
/** Enough for a refused write, which is tried again after at most half an hour, and then for all others in turn. */
const CONVERGES_MS = 75 * MINUTE_MS;
/** Within this time all replicas have the new settings. */
const RELEASED_MS = 20_000;
/** How often the simulated person helps. */
const HELPS_EVERY_MS = 10 * MINUTE_MS;
/** Reasons whose hint asks a person to delete a pod, or to bring it up. */
const BY_HAND = new Set([
  'RestartedInVain',
  'NotInjected',
  'CatchingUp',
  'UnreadableView',
  'OnDelete',
  'NotAllReady',
]);
/** Settings without a lasting hold, as an administrator would set them. */
const SETTINGS = {
  ROLLOUT_WINDOWS: '',
  MAX_RESTARTS_PER_HOUR: '1000',
  QUORUM_CHECK: 'off',
  ADOPT_EXISTING: 'restart',
};
const ANNOTATIONS = [
  'stellar.org/peer-rollout',
  'stellar.org/peer-roll-for',
  'stellar.org/peer-injection',
  'stellar.org/peer-budget',
];

/** Throws a Violation if a validator still lacks something at the end. */
export async function checkLifted(stage: Stage, witness: Witness, goesOn: () => boolean): Promise<void> {
  await lift(stage);
  let looks = 0;
  const endMs = stage.time.monotonicMs() + CONVERGES_MS;
  const help = () => {
    if (looks > 0) helpByHand(stage);
    looks += 1;
    stage.time.schedule(HELPS_EVERY_MS, help);
  };
  help();
  while (stage.time.monotonicMs() < endMs && goesOn()) {
    const nextMs = Math.min(endMs, stage.time.monotonicMs() + MINUTE_MS);
    await stage.time.runUntil(() => !goesOn(), nextMs);
    if (lacking(stage, witness).size === 0) return;
  }
  const [first] = lacking(stage, witness);
  if (!first || !goesOn()) return;
  const why = stage.leader?.reasons.get(first[0]);
  throw new Violation('lifted: no end', `${first[0]} ${first[1]}, told ${why?.code} ${why?.detail ?? ''}`);
}

async function lift(stage: Stage): Promise<void> {
  stage.say('— everything in the way is lifted —');
  const { maxRestartsPerHour, rolloutWindows, quorumCheck, adoptExisting } = stage.settings;
  const isFree = rolloutWindows === '' && maxRestartsPerHour >= 1_000 && quorumCheck === 'off';
  if (!isFree || adoptExisting !== 'restart') stage.release(SETTINGS);
  // Wait until the former leader, which has the old settings, is gone.
  await stage.time.runUntil(() => false, stage.time.monotonicMs() + RELEASED_MS);
  stage.policies.lift();
  stage.controller.wake();
  stage.kubelet.scheduler.resize(Number.POSITIVE_INFINITY);
  stage.heal();
  await restoreWebhook(stage);
  for (const { metadata } of [...stage.server.store.all(kinds.Namespaces)]) {
    await optOut(stage, metadata.name, false);
    const ref = { resource: kinds.Namespaces, name: metadata.name };
    await mark(stage, ref, { field: 'annotations', key: 'stellar.org/peer-rollout', value: undefined });
  }
  const own = { resource: kinds.ConfigMaps, namespace: OWN, name: OWN };
  if (stage.server.store.get(own))
    await mark(stage, own, { field: 'annotations', key: 'stellar.org/peer-rollout', value: undefined });
  for (const key of keysOf(stage.plan)) await liftOver(stage, key);
  await emptyJournal(stage);
}

async function liftOver(stage: Stage, key: string): Promise<void> {
  const { admin, store } = stage.server;
  const { namespace } = split(key);
  for (const name of ['by-hand', ONE_AT_A_TIME])
    await admin.delete({ resource: kinds.PodDisruptionBudgets, namespace, name }, {});
  const node = nodeOf(store, key);
  if (!node) return;
  const ref = { resource: kinds.StellarNodes, ...split(key) };
  for (const each of ANNOTATIONS)
    await mark(stage, ref, { field: 'annotations', key: each, value: undefined });
  const { replicas = 1 } = stage.plan.nodes.find((each) => `${each.namespace}/${each.name}` === key) ?? {};
  if (fieldsAt(node.spec).replicas !== replicas)
    await admin.patch(ref, [{ op: 'add', path: '/spec/replicas', value: replicas }]);
  if (fieldsAt(node.spec).suspended)
    await admin.patch(ref, [{ op: 'add', path: '/spec/suspended', value: false }]);
  stage.operator.leaveToPeople(key, false);
  if (!setOf(store, key)) return;
  await templateOptOut(stage, key, false);
  await admin.patch({ resource: kinds.StatefulSets, ...split(key) }, [
    {
      op: 'add',
      path: '/spec/updateStrategy',
      value: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    },
  ]);
}

async function emptyJournal(stage: Stage): Promise<void> {
  const journal = stage.server.store.get(JOURNAL_REF);
  if (fieldsAt(journal?.data)[FILLER] === undefined) return;
  await stage.server.admin.patch(JOURNAL_REF, [{ op: 'remove', path: `/data/${FILLER}` }]);
}

/** Changes a budget, so that its status is updated. A change of a pod may not have updated it. */
function bringUpToDate(stage: Stage, namespace: string): void {
  for (const { metadata } of [...stage.server.store.all(kinds.PodDisruptionBudgets)]) {
    if (metadata.namespace !== namespace) continue;
    const ref = { resource: kinds.PodDisruptionBudgets, namespace, name: metadata.name };
    const value = String(stage.time.nowMs());
    void mark(stage, ref, { field: 'annotations', key: 'changed', value });
  }
}

/** Does what the hint of each reason asks a person to do. */
function helpByHand(stage: Stage): void {
  for (const [key, { code }] of stage.leader?.reasons ?? []) {
    if (code === 'PdbForbids') bringUpToDate(stage, split(key).namespace);
    if (!BY_HAND.has(code)) continue;
    for (const { metadata } of podsOf(stage.server.store, key)) {
      stage.say(`· ${key} is told ${code}: a person deletes ${metadata.name}`);
      const ref = { resource: kinds.Pods, namespace: metadata.namespace, name: metadata.name };
      void stage.server.admin.delete(ref, {}).catch(() => undefined);
    }
  }
}
