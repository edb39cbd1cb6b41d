/** Quorum sets as the plan has them, in the witness' own arithmetic: what each bears, and what its validator says of it. */
import { domainSizesOf, homeOf, quorumSizeOf } from './objects.ts';
import type { NodePlan, Plan } from './plan.ts';

const plannedOf = (node: string, plan: Plan): NodePlan | undefined =>
  plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === node);

export const networkOf = (node: string, plan: Plan): number => plannedOf(node, plan)?.network ?? 0;

/** The home domain that its set tells; undefined of a flat set. */
export function domainOf(node: string, plan: Plan): string | undefined {
  const planned = plannedOf(node, plan);
  return planned && plan.networks[planned.network]?.hasDomains ? homeOf(planned) : undefined;
}

export const isPublic = (node: string, plan: Plan): boolean =>
  plan.networks[networkOf(node, plan)]?.isPublic ?? false;

/** True where a quorum set stands there that can be read. */
export function isSetKnown(node: string, plan: Plan): boolean {
  const { percent = null, hasDomains = false } = plan.networks[networkOf(node, plan)] ?? {};
  return hasDomains || percent !== null;
}

/** How many of the whole set may be down. */
export function wholeTolerance(network: number, plan: Plan): number {
  const { percent, hasDomains = false } = plan.networks[network] ?? {};
  if (hasDomains) return fewestToBlock([...domainSizesOf(plan, network).values()]) - 1;
  const size = quorumSizeOf(plan, network);
  return size - Math.ceil((size * (percent ?? 100)) / 100);
}

/**
 * What a validator's port says of its quorum set: how many more failures would stop it. Undefined where its set is not
 * known. `down` are members that it does not hear.
 */
export function failAtOf(node: string, down: readonly string[], plan: Plan): number | undefined {
  if (!isSetKnown(node, plan)) return undefined;
  const network = networkOf(node, plan);
  const { hasDomains = false, isPublic: isOpen, absent = 0 } = plan.networks[network] ?? { isPublic: false };
  const unheard = hasDomains || isOpen ? 0 : absent;
  if (!hasDomains) return Math.max(0, wholeTolerance(network, plan) + 1 - down.length - unheard);
  const sizes = domainSizesOf(plan, network);
  const lost = [...sizes.keys()].map((name) => down.filter((key) => domainOf(key, plan) === name).length);
  return fewestToBlock([...sizes.values()], lost) - down.length;
}

/** By trying: how many losses in each domain leave the whole without agreement, where so many are lost already. */
function fewestToBlock(sizes: readonly number[], lost: readonly number[] = []): number {
  const [size, ...rest] = sizes;
  const tried: number[] = [];
  let fewest = Number.POSITIVE_INFINITY;
  const visit = (at: number): void => {
    const count = tried.reduce((sum, each) => sum + each, 0);
    if (count >= fewest) return;
    const next = [size ?? 0, ...rest][at];
    if (at === sizes.length || next === undefined) {
      if (!agrees(sizes, tried)) fewest = count;
      return;
    }
    for (let each = lost[at] ?? 0; each <= next; each += 1) {
      tried.push(each);
      visit(at + 1);
      tried.pop();
    }
  };
  visit(0);
  return fewest;
}

/** Domains of three and more are HIGH; the others, MEDIUM, have one vote among them together. */
function agrees(sizes: readonly number[], lost: readonly number[]): boolean {
  const votes = sizes.map((size, index) => ({
    isHigh: size >= 3,
    yes: 2 * (size - (lost[index] ?? 0)) > size,
  }));
  const enough = (all: readonly boolean[]) => 3 * all.filter((yes) => !yes).length < Math.max(1, all.length);
  const high = votes.filter(({ isHigh }) => isHigh).map(({ yes }) => yes);
  const medium = votes.filter(({ isHigh }) => !isHigh).map(({ yes }) => yes);
  return enough(medium.length > 0 && high.length > 0 ? [...high, enough(medium)] : [...high, ...medium]);
}
