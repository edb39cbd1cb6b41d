/** What may be down of a group, worked out by the witness itself: the budget, and what flat quorum sets bear. */
import type { Plan } from './plan.ts';
import { quorumSizeOf, type Stage } from './stage.ts';
import type { Witness } from './witness.ts';

export const isUncounted = (key: string, witness: Witness): boolean =>
  witness.heldForMs(`budget ${key}`, (value) => value === 'uncounted') > 0;

/** Suspended, or never Ready in all its life. */
export const isExpectedDown = (key: string, witness: Witness): boolean =>
  witness.downWhy(key) === 'suspended' ||
  witness.downWhy(key) === 'scaled to 0' ||
  (witness.downWhy(key) === 'not Ready' && !witness.wasReady(key));

/** The others of its group that count and have been down for longer than `forMs`. */
export const downAmong = (node: string, witness: Witness, forMs: number): string[] =>
  witness
    .othersOf(node)
    .filter((key) => !isUncounted(key, witness) && witness.downWhy(key) !== undefined)
    .filter((key) => forMs === 0 || witness.downForMs(key) > forMs);

const networkOf = (node: string, plan: Plan): number =>
  plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === node)?.network ?? 0;

export const isPublic = (node: string, plan: Plan): boolean =>
  plan.networks[networkOf(node, plan)]?.isPublic ?? false;

/** True where the quorum margin forbids, and not the budget alone. */
export const isMarginHeld = (node: string, stage: Stage): boolean =>
  stage.settings.quorumCheck === 'hold' && toleranceOf(node, stage.plan) !== undefined;

/** How many of n validators may be down where that many percent, rounded up, must agree. */
export function toleranceOf(node: string, plan: Plan): number | undefined {
  const network = networkOf(node, plan);
  const percent = plan.networks[network]?.percent ?? null;
  if (percent === null) return undefined;
  const size = quorumSizeOf(plan, network);
  return size - Math.ceil((size * percent) / 100);
}

/** MAX_UNAVAILABLE as a number of validators. */
export function allowedOf(text: string, counted: number): number {
  const value = Number.parseInt(text, 10);
  return text.endsWith('%') ? Math.max(1, Math.floor((counted * value) / 100)) : value;
}
