/** A quorum set as a tree, and the arithmetic on it. Pure. */

/** A set of validators and inner sets; `threshold` of them must agree. */
export interface QuorumTree {
  readonly threshold: number;
  /** Validators in this set itself, without inner sets. */
  readonly validators: number;
  readonly inner: readonly QuorumTree[];
}

/** The fewest validators whose loss leaves the set without its threshold. */
function smallestBlocking({ threshold, validators, inner }: QuorumTree): number {
  const sizes = [...Array<number>(validators).fill(1), ...inner.map(smallestBlocking)];
  const cheapest = sizes.sort((a, b) => a - b).slice(0, sizes.length - threshold + 1);
  return cheapest.reduce((sum, size) => sum + size, 0);
}

/** How many validators of the set, any of them, may be down while the set can still be satisfied. */
export const toleranceOfTree = (tree: QuorumTree): number => smallestBlocking(tree) - 1;

/** How many validators are in the set and all its inner sets. */
export const leavesOf = ({ validators, inner }: QuorumTree): number =>
  inner.reduce((sum, each) => sum + leavesOf(each), validators);
