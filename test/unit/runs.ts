/**
 * How many cases a dear property plays: a quarter of them in the unit tests, all of them in `npm run test:cases`.
 * FUZZ_RUNS=n plays n of a property of ordinary cost, and as many more or fewer of each other.
 */

/** All cases of a property of ordinary cost. */
export const ORDINARY_RUNS = 300;
const USUAL_SHARE = 1 / 4;

const { FUZZ_RUNS = '' } = process.env;
const SHARE = FUZZ_RUNS === '' ? USUAL_SHARE : Number(FUZZ_RUNS) / ORDINARY_RUNS;

/** How many are played of a property that has `all` of them. */
export const runsOf = (all: number): number => Math.max(1, Math.round(all * SHARE));
