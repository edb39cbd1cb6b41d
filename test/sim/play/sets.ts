/** The quorum sets of a plan, with the witness' own arithmetic: how many members may be down, and what ports report. */
import { domainSizesOf, homeOf, quorumSizeOf } from './objects.ts';
import type { NodePlan, Plan } from './plan.ts';

const plannedOf = (node: string, plan: Plan): NodePlan | undefined =>
  plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === node);

export const networkOf = (node: string, plan: Plan): number => plannedOf(node, plan)?.network ?? 0;

/** The home domain in the validator's quorum set; undefined for a flat set. */
export function domainOf(node: string, plan: Plan): string | undefined {
  const planned = plannedOf(node, plan);
  return planned && plan.networks[planned.network]?.hasDomains ? homeOf(planned) : undefined;
}

export const isPublic = (node: string, plan: Plan): boolean =>
  plan.networks[networkOf(node, plan)]?.isPublic ?? false;

/** True if the validator has a readable quorum set. */
export function isSetKnown(node: string, plan: Plan): boolean {
  const { percent = null, hasDomains = false } = plan.networks[networkOf(node, plan)] ?? {};
  return hasDomains || percent !== null;
}

/** How many members of the whole set may be down. */
export function wholeTolerance(network: number, plan: Plan): number {
  const { percent, hasDomains = false } = plan.networks[network] ?? {};
  if (hasDomains) return fewestToBlock([...domainSizesOf(plan, network).values()]) - 1;
  const size = quorumSizeOf(plan, network);
  return size - Math.ceil((size * (percent ?? 100)) / 100);
}

/**
 * The number of further failures that would stop the validator, as its port reports it; undefined if its set is not
 * known. `down` are the members that it does not hear.
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

/** The fewest losses that prevent agreement, found by trying, including the present losses `lost` of each domain. */
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

/** True if the remaining members agree. Domains of three or more are HIGH; the others are MEDIUM and share one vote. */
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
