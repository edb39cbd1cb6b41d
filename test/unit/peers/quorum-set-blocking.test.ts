import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc, { type Arbitrary } from 'fast-check';
import { toleranceOf } from './quorum-texts.ts';

interface Tree {
  readonly percent: number | undefined;
  readonly leaves: number;
  readonly inner: readonly Tree[];
}

/** A tree with its leaves numbered: what the text says, and what is evaluated. */
interface Numbered {
  readonly percent: number | undefined;
  readonly leaves: readonly number[];
  readonly inner: readonly Numbered[];
}

function numbered(tree: Tree, counter: { next: number }): Numbered {
  const leaves = Array.from({ length: tree.leaves }, () => counter.next++);
  return { percent: tree.percent, leaves, inner: tree.inner.map((inner) => numbered(inner, counter)) };
}

function textOf(tree: Numbered, name = 'QUORUM_SET'): string {
  const percent = tree.percent === undefined ? [] : [`THRESHOLD_PERCENT = ${tree.percent}`];
  const leaves = tree.leaves.map((leaf) => `"$${leaf}"`).join(', ');
  return [
    `[${name}]`,
    ...percent,
    `VALIDATORS = [${leaves}]`,
    ...tree.inner.map((inner, index) => textOf(inner, `${name}.${index}`)),
  ].join('\n');
}

/** Whether the set has a quorum slice among those who are left. */
function isSatisfied(tree: Numbered, down: number): boolean {
  const children = [
    ...tree.leaves.map((leaf) => ((down >> leaf) & 1) === 0),
    ...tree.inner.map((inner) => isSatisfied(inner, down)),
  ];
  const needed = Math.ceil((children.length * (tree.percent ?? 67)) / 100);
  return children.filter(Boolean).length >= needed;
}

const sizeOf = (subset: number): number => subset.toString(2).replaceAll('0', '').length;

function smallestBlockingSet(tree: Numbered, leaves: number): number {
  let smallest = leaves;
  for (let down = 0; down < 2 ** leaves; down++)
    if (sizeOf(down) < smallest && !isSatisfied(tree, down)) smallest = sizeOf(down);
  return smallest;
}

const percent = fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined });
const treeOf = (depth: number): Arbitrary<Tree> => {
  const inner = depth === 0 ? fc.constant([]) : fc.array(treeOf(depth - 1), { maxLength: 3 });
  return fc
    .record({ percent, leaves: fc.integer({ min: 0, max: 4 }), inner })
    .filter((tree) => tree.leaves + tree.inner.length > 0);
};

describe('for every small quorum set', () => {
  it('one more than the tolerance is the smallest number of validators whose loss leaves no quorum slice', () => {
    fc.assert(
      fc.property(treeOf(2), (tree) => {
        const counter = { next: 0 };
        const set = numbered(tree, counter);
        fc.pre(counter.next <= 11);
        const tolerance = toleranceOf(textOf(set));
        assert.ok(tolerance !== undefined);
        assert.equal(tolerance + 1, smallestBlockingSet(set, counter.next));
      }),
      { numRuns: 300 },
    );
  });
});
