/** The witness' own view of how many validators may be down: by the budget of a group and by the quorum of a network. */
import { domainSizesOf } from './objects.ts';
import type { OurRestart } from './our-restarts.ts';
import type { Plan } from './plan.ts';
import { domainOf, isPublic, isSetKnown, networkOf, wholeTolerance } from './sets.ts';
import type { Stage } from './stage.ts';
import type { Witness } from './witness.ts';

export const isUncounted = (key: string, witness: Witness): boolean =>
  witness.heldForMs(`budget ${key}`, (value) => value === 'uncounted') > 0;

/** States in which a validator may be away for good. They do not count in the budget. */
export const AWAY: ReadonlySet<unknown> = new Set(['suspended', 'scaled to 0', 'without StatefulSet']);

/** The other validators of its group that count and have been down for longer than `forMs`. */
export const downAmong = (node: string, witness: Witness, forMs: number): string[] =>
  witness
    .othersOf(node)
    .filter((key) => !isUncounted(key, witness) && witness.downWhy(key) !== undefined)
    .filter((key) => forMs === 0 || witness.downForMs(key) > forMs);

/** Those of them that take up a part of the budget. */
export const spentBudget = (node: string, witness: Witness, forMs: number): string[] =>
  downAmong(node, witness, forMs).filter((key) => !AWAY.has(witness.downWhy(key)));

/** True if the settings enforce the quorum margin, and the validator's quorum set is known. */
export const isMarginHeld = (node: string, stage: Stage): boolean =>
  stage.settings.quorumCheck === 'hold' && isSetKnown(node, stage.plan);

/** True if restarts must wait because the quorum set is not known: only on public networks. */
export const isUnknownHeld = (node: string, { plan, settings }: Stage): boolean =>
  settings.quorumCheck !== 'off' && isPublic(node, plan) && !isSetKnown(node, plan);

export interface Moment {
  readonly stage: Stage;
  readonly witness: Witness;
  /** A state counts only if it has lasted for longer than this. */
  readonly forMs: number;
  /** The restart that is checked. Restarts of ours that began before it count at once. */
  readonly restart?: OurRestart;
}

/** Why the quorum does not tolerate that `node` goes down; undefined if it does. */
export function quorumShort(node: string, moment: Moment): string | undefined {
  const { stage, witness, forMs } = moment;
  const { plan } = stage;
  const down = downInUnit(node, moment);
  const gone = isPublic(node, plan) ? [] : goneFrom(node, plan, witness, forMs);
  const domain = domainOf(node, plan);
  const network = networkOf(node, plan);
  const unseen =
    isPublic(node, plan) || plan.networks[network]?.hasDomains ? 0 : (plan.networks[network]?.absent ?? 0);
  const whole = wholeTolerance(network, plan);
  const missing = down.length + gone.length + unseen;
  if (whole - missing < 1) return `${down.join()} down, ${gone.length + unseen} absent, ${whole} tolerated`;
  const size = domain === undefined ? 0 : (domainSizesOf(plan, network).get(domain) ?? 0);
  if (size < 3) return undefined;
  const spare = Math.ceil(size / 2) - 1;
  const neighbours = [...down, ...gone].filter((key) => domainOf(key, plan) === domain);
  return spare - neighbours.length < 1
    ? `${neighbours.join()} missing of the domain, ${spare} to spare`
    : undefined;
}

/** The others of the same network that are down; on a public network only those of the same namespace or home domain. */
function downInUnit(node: string, { stage, witness, forMs, restart }: Moment): string[] {
  const { plan } = stage;
  const others = witness.ofNetwork(networkOf(node, plan)).filter((key) => key !== node);
  const domain = domainOf(node, plan);
  const isNear = (key: string) =>
    key.split('/')[0] === node.split('/')[0] || (domain !== undefined && domainOf(key, plan) === domain);
  const unit = others.filter((key) => !isPublic(node, plan) || isNear(key));
  const ours = new Set(witness.restarts.filter((each) => isKnownTo(restart, each)).map((each) => each.node));
  return unit.filter(
    (key) => ours.has(key) || (isDown(key, witness) && (forMs === 0 || witness.downForMs(key) > forMs)),
  );
}

const isDown = (key: string, witness: Witness): boolean =>
  !isUncounted(key, witness) && witness.downWhy(key) !== undefined;

const isKnownTo = (restart: OurRestart | undefined, each: OurRestart): boolean =>
  !each.end && (restart === undefined || each.atMs < restart.atMs);

/** Members of the quorum set that do not exist as StellarNodes now. */
const goneFrom = (node: string, plan: Plan, witness: Witness, forMs: number): string[] =>
  plan.nodes
    .filter(({ network }) => network === networkOf(node, plan))
    .map(({ namespace, name }) => `${namespace}/${name}`)
    .filter((key) => witness.goneForMs(key) > forMs);

/** MAX_UNAVAILABLE as a number of validators. */
export function allowedOf(text: string, counted: number): number {
  const value = Number.parseInt(text, 10);
  return text.endsWith('%') ? Math.max(1, Math.floor((counted * value) / 100)) : value;
}
