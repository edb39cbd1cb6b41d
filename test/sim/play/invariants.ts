/**
 * The invariants at the moment at which we begin a restart, checked by the witness. A leader decides on live reads and
 * writes a little later, so it cannot know of changes in between. So a state counts only if it has lasted for longer than
 * that delay.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { PodDisruptionBudgets, Pods } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { areReady } from '../kubelet.ts';
import { controllerOf, isReady } from '../workloads.ts';
import { wasNeedless } from './drift.ts';
import { fragileBeside } from './fragile.ts';
import { allowedOf, isMarginHeld, isUncounted, isUnknownHeld, quorumShort, spentBudget } from './margins.ts';
import { LEASE, type OurRestart } from './our-restarts.ts';
import { isSmooth, type Plan } from './plan.ts';
import { isPublic } from './sets.ts';
import type { Stage } from './stage.ts';
import { knownBy, split } from './standing.ts';
import { ONE_AT_A_TIME } from './twists.ts';
import type { Witness } from './witness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A second restart for the same cause may help, for example after a crash loop. A third does not help. */
const SAME_CAUSE_MAX = 2;
/** The tolerance for two times in whole seconds, and for clocks that are wrong by up to two seconds. */
const CLOCK_SLACK_MS = 6_500;

export class Violation extends Error {
  override readonly name = 'Violation';
  /** Names the invariant. A history is shrunk only as long as it breaks the same invariant. */
  readonly code: string;
  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

type Check = (restart: OurRestart, edges: Edges) => string | undefined;

interface Edges {
  readonly stage: Stage;
  readonly witness: Witness;
  /** The longest time from the live reads to the write, in ms. */
  readonly decidedMs: number;
}

/** The longest time from the live reads to the write: short without faults, else as long as the Lease lasts. */
export function decisionMsOf(plan: Plan): number {
  const { rates, settings } = plan;
  if (isSmooth(plan)) return 2_000;
  return Number(settings.LEASE_DURATION_SECONDS) * 1000 + 2_000 + (rates.slow > 0 ? SLOW_MS : 0);
}

const SLOW_MS = 5_000;
/** Within this time the leader knows of an answer of an HTTP port. */
const HEARD_MS = 20_000;

/** Throws a Violation if the restart must not begin now. */
export function checkRestart(restart: OurRestart, edges: Edges): void {
  const checks = { ...ALWAYS, ...(restart.kind === 'bump' ? OF_BUMPS : OF_DELETES) };
  for (const [code, check] of Object.entries(checks)) {
    const problem = check(restart, edges);
    if (problem !== undefined) throw new Violation(code, `${restart.kind} of ${restart.node}: ${problem}`);
  }
}

const ALWAYS: Readonly<Record<string, Check>> = {
  'only who leads': ({ by }, { stage }) => {
    // A slow request may arrive after its sender has lost the Lease. The journal protects against that.
    if (stage.plan.rates.slow > 0) return undefined;
    const { holderIdentity } = fieldsAt(stage.server.store.get(LEASE)?.spec);
    return holderIdentity === by ? undefined : `${by} wrote, ${holderIdentity} leads`;
  },
  'one at a time': ({ group, node }, { witness }) => {
    const other = witness.restarts.find((each) => each.group === group && !each.end && each.node !== node);
    return other && `${other.node} is not over`;
  },
  'kill switch': ({ node }, edges) => {
    const { namespace } = split(node);
    const isPaused = (value: unknown) => value === 'paused' || value === 'missing';
    for (const name of ['switch all', `switch ${namespace}`, `rollout ${node}`]) {
      if (edges.witness.heldForMs(name, isPaused) > edges.decidedMs) return `${name} says paused`;
    }
    return undefined;
  },
  strategy: ({ node }, { witness, decidedMs }) => {
    const isOther = (value: unknown) => value !== undefined && value !== 'RollingUpdate';
    const held = witness.heldForMs(`rollout ${node}`, isOther) > decidedMs;
    return held ? 'its strategy says otherwise' : undefined;
  },
  'drift only': (restart, edges) => wasNeedless(restart, edges),
  'the next pod is injected': ({ node }, { witness, decidedMs }) => {
    const isBare = (why: unknown) => why !== undefined;
    const heldMs = witness.heldForMs(`bare ${node}`, isBare);
    return heldMs > decidedMs ? `${witness.valueOf(`bare ${node}`)} for ${heldMs} ms` : undefined;
  },
  'not for nothing': (restart, { witness }) => {
    const former = formerFor(restart, witness);
    if (former.length < SAME_CAUSE_MAX) return undefined;
    return `the same cause had ${former.length} restarts within the day: ${restart.cause}`;
  },
  window: ({ by }, { stage, decidedMs }) => {
    const text = stage.settingsOf(by).rolloutWindows;
    if (text === '' || isOpen(text, stage.time.nowMs(), decidedMs + CLOCK_SLACK_MS)) return undefined;
    return `${text} is closed at ${new Date(stage.time.nowMs()).toISOString()}`;
  },
  'hourly limit': ({ group, atMs, by }, { stage, witness }) => {
    const recent = witness.restarts.filter(
      (each) => each.group === group && each.end !== 'defused' && atMs - each.atMs < HOUR_MS - CLOCK_SLACK_MS,
    );
    const limit = stage.settingsOf(by).maxRestartsPerHour;
    return recent.length >= limit ? `${recent.length} within the hour` : undefined;
  },
};

const OF_BUMPS: Readonly<Record<string, Check>> = {
  'only what is up': ({ node }, { witness, decidedMs }) => {
    const downMs = witness.downForMs(node);
    return downMs > decidedMs ? `it is ${witness.downWhy(node)} for ${downMs} ms` : undefined;
  },
  budget: ({ node, by }, edges) => {
    const { stage, witness } = edges;
    const counted = [node, ...witness.othersOf(node)].filter((key) => !isUncounted(key, witness));
    const allowed = allowedOf(stage.settingsOf(by).maxUnavailable, counted.length);
    const down = spentBudget(node, witness, edges.decidedMs);
    return down.length + 1 > allowed ? `${shown(down, witness)}, ${allowed} allowed` : undefined;
  },
  quorum: (restart, edges) => {
    const { node } = restart;
    const { stage, witness, decidedMs } = edges;
    if (isUnknownHeld(node, stage)) return 'its quorum set cannot be read, on a public network';
    if (!isMarginHeld(node, stage)) return undefined;
    return quorumShort(node, { stage, witness, forMs: decidedMs, restart });
  },
  'quorum by their own words': ({ node, by }, { stage, witness, decidedMs }) =>
    stage.settingsOf(by).quorumCheck === 'hold'
      ? fragileBeside(node, { stage, witness, forMs: decidedMs + HEARD_MS })
      : undefined,
  'others settled': ({ node }, { stage, witness, decidedMs }) => {
    const neededMs = stage.settings.minReadySeconds * 1000 - CLOCK_SLACK_MS;
    const young = witness
      .othersOf(node)
      .filter((key) => !isUncounted(key, witness) && witness.downWhy(key) === undefined)
      // A validator that came up after the reads was down at the time of the reads, and within the budget.
      .find((key) => witness.upForMs(key) > decidedMs && witness.upForMs(key) < neededMs);
    return young && `${young} is Ready for ${witness.upForMs(young)} ms only`;
  },
  age: ({ pods }, { stage }) => {
    const neededMs = stage.settings.minRestartIntervalSeconds * 1000 - CLOCK_SLACK_MS;
    const young = pods.find((pod) => ageMs(pod, stage) < neededMs);
    return young && `${young.metadata.name} is ${ageMs(young, stage)} ms old`;
  },
  'no machine is taken': ({ node, group }, { stage, witness, decidedMs }) => {
    if (isUncounted(node, witness)) return undefined;
    const waiting = witness
      .othersOf(node)
      .filter((key) => split(key).namespace === split(node).namespace && !isUncounted(key, witness))
      .find((key) => witness.heldForMs(`unplaced ${key}`, Boolean) > decidedMs);
    return waiting && `${waiting} of ${group} waits for a machine, of ${stage.plan.machines}`;
  },
  'left alone': ({ node }, { witness, decidedMs }) => {
    const isOther = (value: unknown) => /OnDelete|"partition":[1-9]/.test(String(value));
    const held = witness.heldForMs(`update ${node}`, isOther) > decidedMs;
    return held ? 'its owner rolls it in another way' : undefined;
  },
  'a budget of two networks': ({ node }, { stage, witness, decidedMs }) => {
    const { namespace } = split(node);
    const ref = { resource: PodDisruptionBudgets, namespace, name: ONE_AT_A_TIME };
    const sinceMs = Date.parse(stage.server.store.get(ref)?.metadata.creationTimestamp ?? '');
    if (!(stage.time.nowMs() - sinceMs > decidedMs + CLOCK_SLACK_MS)) return undefined;
    const other = witness.restarts
      .filter((each) => each.kind === 'bump' && !each.end && each.node !== node)
      .find((each) => split(each.node).namespace === namespace && !isBack(each, stage));
    return other && `one may be down, and ${other.node} is restarted`;
  },
  'budgets of people': ({ node }, { witness, decidedMs }) => {
    const heldMs = witness.heldForMs(`pdb ${split(node).namespace}`, (value) => value === true);
    return heldMs > decidedMs ? 'a PodDisruptionBudget forbids it' : undefined;
  },
};

/** True if all pods of a restart are replaced and Ready. The StatefulSet may still add or remove other pods. */
const isBack = ({ pods, uids }: OurRestart, { server }: Stage): boolean =>
  pods.every(({ metadata: { name, namespace } }) => {
    const now = server.store.get({ resource: Pods, name, namespace });
    return now !== undefined && !uids.includes(now.metadata.uid ?? '') && isReady(now);
  });

const OF_DELETES: Readonly<Record<string, Check>> = {
  // The delete has the pod's resourceVersion as a precondition, so this needs no tolerance.
  'never a Ready pod': ({ pods }) => (pods.some(isReady) ? 'it is Ready' : undefined),
  'never one whose stellar-core is Ready': ({ pods }) =>
    pods.some(areReady) ? 'another container or its kubelet is down' : undefined,
  'never one that may get well': ({ node, pods }, { stage, witness, decidedMs }) => {
    const known = pods[0] && knownBy(pods[0]);
    if (!known) return undefined;
    if (isPublic(node, stage.plan)) return 'it is injected, on a public network';
    const live = witness.liveFor(node);
    const isLong = (digest: string) => witness.heldForMs(`live ${digest}`, Boolean) > decidedMs;
    const found = known.find((digest) => live.has(digest) && isLong(digest));
    return found && `it is injected and knows ${found}, which runs`;
  },
  'age of the deleted': ({ pods }, { stage }) => {
    const neededMs = stage.settings.deleteMinAgeSeconds * 1000 - CLOCK_SLACK_MS;
    return pods.some((pod) => ageMs(pod, stage) < neededMs) ? 'it is too young' : undefined;
  },
  'not for a probe that fails once': ({ pods }, { stage, witness }) => {
    const neededMs = stage.settings.deleteMinAgeSeconds * 1000;
    const young = pods.find((pod) => witness.notReadyForMs(pod) < neededMs);
    return young && `it has been down for ${witness.notReadyForMs(young)} ms`;
  },
};

/** Our restarts within a day for the same cause, of a pod with the same name and StatefulSet, even if others replaced it. */
function formerFor({ node, cause, pods, atMs }: OurRestart, { restarts }: Witness): OurRestart[] {
  const idOf = (pod: KubeObject) => `${controllerOf(pod)?.uid} ${pod.metadata.name}`;
  const ids = pods.map(idOf);
  return restarts.filter(
    (each) =>
      each.node === node &&
      each.cause === cause &&
      each.end !== 'defused' &&
      each.end !== 'reverted' &&
      atMs - each.atMs < DAY_MS &&
      each.pods.some((pod) => ids.includes(idOf(pod))),
  );
}

/** True if a window is open. Plans have only windows of the form `daily HH:MM-HH:MM` in UTC. */
function isOpen(text: string, nowMs: number, slackMs: number): boolean {
  const dayMs = nowMs % DAY_MS;
  return [...text.matchAll(/(\d\d):(\d\d)-(\d\d):(\d\d)/g)].some((found) => {
    const [fromH = 0, fromM = 0, toH = 0, toM = 0] = found.slice(1).map(Number);
    return dayMs >= (fromH * 60 + fromM) * 60_000 - slackMs && dayMs < (toH * 60 + toM) * 60_000 + slackMs;
  });
}

const ageMs = (pod: KubeObject, stage: Stage): number =>
  stage.time.nowMs() - Date.parse(pod.metadata.creationTimestamp ?? '');

const shown = (down: readonly string[], witness: Witness): string =>
  `down are ${down.map((key) => `${key} (${witness.downWhy(key)})`).join(', ') || 'none'}`;
