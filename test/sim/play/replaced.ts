/**
 * The invariants at the moment at which a pod goes down because of a bump of ours, which may be long after the write. A
 * leader must take back a bump without effect when its reasons end: within seconds if there are no faults.
 */
import { Violation } from './invariants.ts';
import { allowedOf, isMarginHeld, isUncounted, quorumShort, spentBudget } from './margins.ts';
import type { OurRestart } from './our-restarts.ts';
import { isSmooth } from './plan.ts';
import type { Stage } from './stage.ts';
import { split } from './standing.ts';
import type { Witness } from './witness.ts';

const LEADERLESS = new Set<string>(['kill', 'stop', 'release', 'freeze']);
/** Actions that set a trap for a later request. */
const TRAPS = new Set<string>(['killAtRequest', 'freezeAtRequest']);
/** How soon a leader takes back a bump whose reasons have ended. */
const DEFUSED_WITHIN_MS = 5_000;
/** The same with failing requests: a leader tries again after up to 36 s. */
const DEFUSED_AT_LAST_MS = 45_000;
/** The leader takes back a bump after this time if the controller has not acted on it. */
const AWAY_MS = 30_000;
/** After this time another replica leads. */
const ELECTED_MS = 20_000;

interface Edges {
  readonly stage: Stage;
  readonly witness: Witness;
}

/** Throws a Violation if a bump that should have been taken back replaces a pod. */
export function checkReplacement(restart: OurRestart, edges: Edges): void {
  const { stage } = edges;
  const { node, notReadyMs, atMs } = restart;
  // A policy that refuses our writes also prevents the leader from taking the bump back.
  if (!isWatched(atMs, stage) || stage.policies.clearForMs(node) < DEFUSED_AT_LAST_MS) return;
  const withinMs = awareMs(atMs, stage);
  if (notReadyMs > withinMs)
    throw new Violation('no bump acts later', `${node} was not Ready for ${notReadyMs} ms since its bump`);
  if (!edges.witness.isUntouched(restart)) return;
  const ageMs = stage.time.monotonicMs() - atMs;
  for (const [code, check] of Object.entries(AS_IT_GOES_DOWN)) {
    const problem = check(restart, edges, withinMs);
    if (problem !== undefined) throw new Violation(code, `${node}, ${ageMs} ms after its bump: ${problem}`);
  }
  if (ageMs > AWAY_MS + withinMs)
    throw new Violation('no bump waits', `${node} goes down ${ageMs} ms after its bump`);
}

/** How long a leader may need to notice that a bump must be taken back, and to do it. */
function awareMs(atMs: number, { plan, time }: Stage): number {
  const isCalm = isSmooth({ ...plan, actions: [] }) || atMs > plan.calmAtMs;
  const lateMs = plan.actions
    .filter((action) => action.do === 'lateKind')
    .filter((action) => action.atMs <= time.monotonicMs() && atMs < action.atMs + action.ms + action.lateMs)
    .map((action) => action.lateMs);
  return (isCalm ? DEFUSED_WITHIN_MS : DEFUSED_AT_LAST_MS) + Math.max(0, ...lateMs);
}

/** True if a replica has led since the bump, as far as the plan tells. */
function isWatched(atMs: number, { plan, time }: Stage): boolean {
  const nowMs = time.monotonicMs();
  return plan.actions.every((action) => {
    if (action.atMs > nowMs) return true;
    if (TRAPS.has(action.do)) return atMs > plan.calmAtMs + ELECTED_MS;
    if (action.do === 'crashLoop')
      return atMs > Math.min(plan.calmAtMs, action.atMs + action.ms) + ELECTED_MS;
    const lasts = 'ms' in action ? (action.ms ?? 0) : 0;
    return !LEADERLESS.has(action.do) || action.atMs + lasts + ELECTED_MS < atMs;
  });
}

type Check = (restart: OurRestart, edges: Edges, withinMs: number) => string | undefined;

const AS_IT_GOES_DOWN: Readonly<Record<string, Check>> = {
  'paused as it goes down': ({ node }, { witness }, withinMs) => {
    const isPaused = (value: unknown) => value === 'paused' || value === 'missing';
    const names = ['switch all', `switch ${split(node).namespace}`, `rollout ${node}`];
    return names.find((name) => witness.heldForMs(name, isPaused) > withinMs);
  },
  'budget as it goes down': ({ node, by }, { stage, witness }, withinMs) => {
    const counted = [node, ...witness.othersOf(node)].filter((key) => !isUncounted(key, witness));
    const allowed = allowedOf(stage.settingsOf(by).maxUnavailable, counted.length);
    const down = spentBudget(node, witness, withinMs);
    return down.length + 1 > allowed ? `${down.join()} down, ${allowed} allowed` : undefined;
  },
  'quorum as it goes down': (restart, { stage, witness }, withinMs) => {
    if (!isMarginHeld(restart.node, stage)) return undefined;
    return quorumShort(restart.node, { stage, witness, forMs: withinMs, restart });
  },
  'bare as it goes down': ({ node }, { witness }, withinMs) => {
    const isBare = (why: unknown) => why !== undefined;
    return witness.heldForMs(`bare ${node}`, isBare) > withinMs
      ? String(witness.valueOf(`bare ${node}`))
      : undefined;
  },
};
