import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { automaticText, type DomainText, problemOf, setOf } from './quorum-texts.ts';

const QUALITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'];

/** Whether enough of these entries agree, by stellar-core's rules for automatic sets. */
function isSatisfied(sizes: ReadonlyArray<readonly [quality: string, up: number, of: number]>): boolean {
  let below: boolean | undefined;
  for (const quality of ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']) {
    const votes = sizes
      .filter(([each]) => each === quality)
      // More than half of an odd number, and of an even one more than half too.
      .map(([, up, of]) => 2 * up > of);
    if (votes.length === 0) continue;
    const all = below === undefined ? votes : [...votes, below];
    const faults = quality === 'CRITICAL' ? 0 : Math.floor((all.length - 1) / 3);
    below = all.filter((vote) => !vote).length <= faults;
  }
  return below ?? false;
}

/** The fewest whose loss leaves no quorum slice, by trying all numbers of losses in each domain. */
function smallestBlocking(sizes: ReadonlyArray<readonly [quality: string, of: number]>): number {
  let smallest = Number.POSITIVE_INFINITY;
  const tried: number[] = [];
  const visit = (index: number): void => {
    const lost = tried.reduce((sum, count) => sum + count, 0);
    if (lost >= smallest) return;
    const next = sizes[index];
    if (!next) {
      const left = sizes.map(([quality, of], at) => [quality, of - (tried[at] ?? 0), of] as const);
      if (!isSatisfied(left)) smallest = lost;
      return;
    }
    for (let count = 0; count <= next[1]; count += 1) {
      tried.push(count);
      visit(index + 1);
      tried.pop();
    }
  };
  visit(0);
  return smallest;
}

const domains = fc.array(
  fc.record({ quality: fc.constantFrom(...QUALITIES), listed: fc.integer({ min: 0, max: 5 }) }),
  { minLength: 1, maxLength: 6 },
);
const SEED = Number(process.env.QUORUM_SEED ?? randomInt(2 ** 31));

type Sizes = ReadonlyArray<readonly [quality: string, of: number]>;

/** How many validators each domain has, the node itself in `own`; undefined where stellar-core refuses them. */
function sizesFor(texts: readonly DomainText[], own: string | undefined): Sizes | undefined {
  const sizes = texts
    .map(({ name, quality, listed }) => [quality, listed + Number(name === own)] as const)
    .filter(([, size]) => size > 0);
  const isTaken =
    sizes.some(([quality]) => quality !== 'LOW') &&
    sizes.every(([quality, size]) => size >= 3 || !['CRITICAL', 'HIGH'].includes(quality));
  return isTaken ? sizes : undefined;
}

/** The fewest of a domain's validators that are more than half of them. */
const majority = (of: number): number => {
  let up = 0;
  while (2 * up <= of) up += 1;
  return up;
};
const textsOf = (drawn: readonly Omit<DomainText, 'name'>[]): DomainText[] =>
  drawn.map((each, index) => ({ ...each, name: `d${index}` }));

describe('for random automatic quorum sets', () => {
  it('one more than the tolerance is the fewest validators whose loss leaves no quorum slice', (t) => {
    t.diagnostic(`QUORUM_SEED=${SEED}`);
    let read = 0;
    fc.assert(
      fc.property(domains, fc.nat(), (drawn, at) => {
        const texts = textsOf(drawn);
        const own = texts[at % texts.length];
        const sizes = sizesFor(texts, own?.name);
        const set = setOf(automaticText(texts, own?.name));
        assert.equal(
          set !== undefined,
          sizes !== undefined,
          String(problemOf(automaticText(texts, own?.name))),
        );
        if (!set || !sizes || !own) return;
        read += 1;
        assert.equal(set.tolerance + 1, smallestBlocking(sizes));
        assert.equal(
          set.leaves,
          sizes.reduce((sum, [, size]) => sum + size, 0),
        );
        const size = own.listed + 1;
        assert.deepEqual(set.ownDomain, { size, threshold: majority(size) });
      }),
      { numRuns: 500, seed: SEED },
    );
    assert.ok(read > 50, `${read} of them can be read`);
  });

  it('the tolerance is the least of all homes that the node may have, where the text does not say which', (t) => {
    t.diagnostic(`QUORUM_SEED=${SEED}`);
    let read = 0;
    fc.assert(
      fc.property(domains, (drawn) => {
        const texts = textsOf(drawn);
        const blocking = texts.flatMap(({ name }) => {
          const sizes = sizesFor(texts, name);
          return sizes ? [smallestBlocking(sizes)] : [];
        });
        const set = setOf(automaticText(texts, undefined));
        assert.equal(
          set !== undefined,
          blocking.length > 0,
          String(problemOf(automaticText(texts, undefined))),
        );
        if (!set) return;
        read += 1;
        assert.equal(set.tolerance + 1, Math.min(...blocking));
        assert.deepEqual([set.homeDomain, set.ownDomain], [undefined, undefined]);
      }),
      { numRuns: 300, seed: SEED },
    );
    assert.ok(read > 30, `${read} of them can be read`);
  });

  it('a node that is no validator is not counted', (t) => {
    t.diagnostic(`QUORUM_SEED=${SEED}`);
    fc.assert(
      fc.property(domains, (drawn) => {
        const texts = textsOf(drawn);
        const sizes = sizesFor(texts, undefined);
        const set = setOf(`NODE_IS_VALIDATOR = false\n${automaticText(texts, 'd0')}`);
        assert.equal(set && set.tolerance + 1, sizes && smallestBlocking(sizes));
      }),
      { numRuns: 300, seed: SEED },
    );
  });
});
