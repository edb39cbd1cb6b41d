/**
 * What must hold at each moment at which we begin a restart, judged by the witness. A restart is decided on live
 * reads and written a little later; what changed in between, nobody could know. So a state counts once it has held
 * for longer than that may take.
 */
import type { KubeObject } from '../../../runtime/kube.ts';
import { Leases } from '../../../runtime/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { isReady } from '../workloads.ts';
import { wasNeedless } from './drift.ts';
import {
  allowedOf,
  downAmong,
  isExpectedDown,
  isMarginHeld,
  isPublic,
  isUncounted,
  toleranceOf,
} from './margins.ts';
import { CALM, type Plan } from './plan.ts';
import { OWN, type Stage } from './stage.ts';
import { knownBy, split } from './standing.ts';
import type { OurRestart, Witness } from './witness.ts';

const LEASE = { resource: Leases, namespace: OWN, name: 'stellar-peers' };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Whole seconds in the API, twice, and clocks that are off by up to two seconds each way. */
const CLOCK_SLACK_MS = 6_500;

export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which invariant it is: shrinking keeps to the same. */
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
  /** From the live reads to the write that follows. */
  readonly decidedMs: number;
}

/** A leader may write for as long as its Lease lasts; in calm weather its reads and writes take moments. */
export function decisionMsOf(plan: Plan): number {
  const { rates, settings } = plan;
  if (isSmooth(plan)) return 2_000;
  return Number(settings.LEASE_DURATION_SECONDS) * 1000 + 2_000 + (rates.slow > 0 ? SLOW_MS : 0);
}

const SLOW_MS = 5_000;

/** True where requests neither fail nor linger, and nobody is frozen. */
function isSmooth({ rates, actions }: Plan): boolean {
  const isQuiet = rates.refused + rates.lost + rates.conflict + rates.slow === 0;
  const isPrompt = isQuiet && rates.watchDelayMs === CALM.watchDelayMs;
  return isPrompt && !actions.some((action) => action.do.startsWith('freeze'));
}

const LEADERLESS = new Set<string>(['kill', 'stop', 'release', 'freeze']);
/** One that is set may spring at any request after that. */
const TRAPS = new Set<string>(['killAtRequest', 'freezeAtRequest']);
/** How soon a bump on a pod that is not Ready is taken back, where somebody is there to do it. */
const DEFUSED_WITHIN_MS = 5_000;
/** The same where requests fail: a leader tries again after up to 36 s. */
const DEFUSED_AT_LAST_MS = 45_000;
/** Another one leads after that. */
const ELECTED_MS = 20_000;

/** Throws a Violation where a pod is replaced by a bump of ours that should have been taken back. */
export function checkReplacement({ node, notReadyMs, atMs }: OurRestart, { plan, time }: Stage): void {
  const nowMs = time.monotonicMs();
  const isCalm = isSmooth({ ...plan, actions: [] }) || atMs > plan.calmAtMs;
  if (notReadyMs <= (isCalm ? DEFUSED_WITHIN_MS : DEFUSED_AT_LAST_MS)) return;
  const isWatched = plan.actions.every((action) => {
    if (action.atMs > nowMs) return true;
    if (TRAPS.has(action.do)) return atMs > plan.calmAtMs + ELECTED_MS;
    const endMs = action.atMs + ('ms' in action ? action.ms : 0) + ELECTED_MS;
    return !LEADERLESS.has(action.do) || endMs < atMs;
  });
  if (isWatched)
    throw new Violation('no bump acts later', `${node} was not Ready for ${notReadyMs} ms since its bump`);
}

/** Throws a Violation where the restart must not begin now. */
export function checkRestart(restart: OurRestart, edges: Edges): void {
  const checks = { ...ALWAYS, ...(restart.kind === 'bump' ? OF_BUMPS : OF_DELETES) };
  for (const [code, check] of Object.entries(checks)) {
    const problem = check(restart, edges);
    if (problem !== undefined) throw new Violation(code, `${restart.kind} of ${restart.node}: ${problem}`);
  }
}

const ALWAYS: Readonly<Record<string, Check>> = {
  'only who leads': ({ by }, { stage }) => {
    // What travels longer than its sender waits may arrive when another leads: the journal is the fence then.
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
    const down = downAmong(node, edges.witness, edges.decidedMs).filter(
      (key) => !(isMarginHeld(node, stage) && isExpectedDown(key, witness)),
    );
    return down.length + 1 > allowed ? `${shown(down, witness)}, ${allowed} allowed` : undefined;
  },
  quorum: (restart, edges) => {
    const { node } = restart;
    if (!isMarginHeld(node, edges.stage)) return undefined;
    const down = downAmong(node, edges.witness, edges.decidedMs);
    const tolerance = toleranceOf(node, edges.stage.plan) ?? 0;
    return tolerance - down.length < 1 ? `${shown(down, edges.witness)}, ${tolerance} tolerated` : undefined;
  },
  'others settled': ({ node }, { stage, witness, decidedMs }) => {
    const neededMs = stage.settings.minReadySeconds * 1000 - CLOCK_SLACK_MS;
    const young = witness
      .othersOf(node)
      .filter((key) => !isUncounted(key, witness) && witness.downWhy(key) === undefined)
      // One that came up since the reads was down by then, within the budget.
      .find((key) => witness.upForMs(key) > decidedMs && witness.upForMs(key) < neededMs);
    return young && `${young} is Ready for ${witness.upForMs(young)} ms only`;
  },
  age: ({ pods }, { stage }) => {
    const neededMs = stage.settings.minRestartIntervalSeconds * 1000 - CLOCK_SLACK_MS;
    const young = pods.find((pod) => ageMs(pod, stage) < neededMs);
    return young && `${young.metadata.name} is ${ageMs(young, stage)} ms old`;
  },
  'left alone': ({ node }, { witness, decidedMs }) => {
    const isOther = (value: unknown) => /OnDelete|"partition":[1-9]/.test(String(value));
    const held = witness.heldForMs(`update ${node}`, isOther) > decidedMs;
    return held ? 'its owner rolls it in another way' : undefined;
  },
  'budgets of people': ({ node }, { witness, decidedMs }) => {
    const heldMs = witness.heldForMs(`pdb ${split(node).namespace}`, (value) => value === true);
    return heldMs > decidedMs ? 'a PodDisruptionBudget forbids it' : undefined;
  },
};

const OF_DELETES: Readonly<Record<string, Check>> = {
  // The pod's resourceVersion is a precondition, so this holds at the very moment.
  'never a Ready pod': ({ pods }) => (pods.some(isReady) ? 'it is Ready' : undefined),
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
};

/** Windows as the plans draw them: `daily HH:MM-HH:MM`, UTC. */
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
