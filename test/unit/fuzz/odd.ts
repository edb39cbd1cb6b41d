/**
 * Odd contents: whatever JSON can hold where something else is expected, and valid objects with such things in them.
 * Owns how they are made and how a property is run over them; what must hold is each test's own.
 * FUZZ_SEED=n plays the same contents again; for FUZZ_RUNS=n see runs.ts.
 */
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { anyText } from '../any-text.ts';
import { ORDINARY_RUNS, runsOf } from '../runs.ts';

type Json = Readonly<Record<string, unknown>>;

/** Plays `check` over a share of `runs` values; the seed is printed, and with it whatever fails can be played again. */
export async function fuzz<T>(
  t: TestContext,
  { runs = ORDINARY_RUNS, values }: { readonly runs?: number; readonly values: fc.Arbitrary<T> },
  check: (value: T) => void | Promise<void>,
): Promise<void> {
  const { FUZZ_SEED: seedText = '' } = process.env;
  const seed = seedText === '' ? Math.floor(Math.random() * 2 ** 31) : Number(seedText);
  const numRuns = runsOf(runs);
  t.diagnostic(`FUZZ_SEED=${seed}, ${numRuns} runs`);
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      await check(value);
    }),
    { seed, numRuns },
  );
}

const ODD_KEYS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON', 'then'],
  ...[
    '',
    ' ',
    '.',
    '..',
    '/',
    'a/b',
    '~1',
    '\u0000',
    '\u202e',
    'é',
    '\ud800',
    '💥',
    '0',
    '-1',
    'k'.repeat(300),
  ],
];

const ODD_TEXTS = [
  ...ODD_KEYS,
  ...[
    'null',
    'true',
    'NaN',
    'Infinity',
    '-1',
    '1e308',
    '0x10',
    '{}',
    '[]',
    '{"',
    '"',
    '\n',
    '\r\n',
    '\t',
    '#',
  ],
  // Times that are none, and the first and last that a Date can hold.
  ...['0000-00-00T00:00:00Z', '2026-13-45T99:99:99Z', 'yesterday', '1970-01-01T00:00:00Z'],
  ...['+275760-09-13T00:00:00Z', '-271821-04-20T00:00:00Z', '9999-12-31T23:59:59.999999Z'],
];

const ODD_NUMBERS = [
  ...[0, -0, 1, -1, 0.5, 101, 65_536, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, 8.64e15, 8.64e15 + 1],
  ...[1e308, -1e308, Number.POSITIVE_INFINITY],
];

/** Made only when it is used, so that a counterexample can be printed. */
type Lazy = { readonly lazily: 'deepList' | 'deepObject' | 'longText' | 'longList' | 'wideObject' };

/** The API server takes no more than 10,000 levels. */
const DEEP = 9_900;
const LONG = 200_000;
const WIDE = 2_000;

function nest(wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 'inside';
  for (let level = 0; level < DEEP; level += 1) value = wrap(value);
  return value;
}

const LAZY: Readonly<Record<Lazy['lazily'], () => unknown>> = {
  deepList: () => nest((inner) => [inner]),
  deepObject: () => nest((inner) => ({ custom: inner })),
  longText: () => 'x: "y",\n'.repeat(LONG / 8),
  longList: () => Array.from({ length: WIDE }, () => ({ name: 'x', key: 'y' })),
  wideObject: () => Object.fromEntries(Array.from({ length: WIDE }, (_, index) => [`key-${index}`, 'value'])),
};

const isLazy = (value: unknown): value is Lazy =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'lazily');

const made = (value: unknown): unknown => (isLazy(value) ? LAZY[value.lazily]() : value);

const lazy = (kinds: ReadonlyArray<Lazy['lazily']>): fc.Arbitrary<unknown> =>
  fc.constantFrom(...kinds).map((lazily): Lazy => ({ lazily }));

/** Text of any kind, small. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ maxLength: 40 }),
  anyText({ maxLength: 20 }),
);

const oddScalar: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: oddText, weight: 3 },
  { arbitrary: fc.constantFrom(...ODD_NUMBERS), weight: 3 },
  { arbitrary: fc.double({ noNaN: true }), weight: 1 },
  { arbitrary: fc.constantFrom(null, true, false), weight: 2 },
);

const oddKey = fc.oneof(
  fc.constantFrom(...ODD_KEYS),
  fc.constantFrom('name', 'kind', 'spec', 'metadata', 'data'),
);

/** Like JSON.parse, and unlike an assignment, it takes `__proto__` for a key like any other. */
function put(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

const oddObject = (values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.array(fc.tuple(oddKey, values), { maxLength: 4 }).map((entries) => {
    const object = {};
    for (const [key, value] of entries) put(object, key, value);
    return object;
  });

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    oddScalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    oddObject(tie('tree')),
  ),
}));

/** Anything that JSON can hold, small. */
export const oddValue: fc.Arbitrary<unknown> = tree as fc.Arbitrary<unknown>;

export interface OddOptions {
  /** Leaves out what is nested so deep that a copy of it cannot be made. */
  readonly shallow?: boolean;
}

/** Anything that JSON can hold, large and deep things included. */
const anything = ({ shallow = false }: OddOptions): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: oddValue, weight: 12 },
    { arbitrary: lazy(['longText', 'longList', 'wideObject']), weight: 2 },
    ...(shallow ? [] : [{ arbitrary: lazy(['deepList', 'deepObject']), weight: 2 }]),
  );

type Change = {
  /** Which place of the object, counted over all of them. */
  readonly place: number;
  readonly how: 'replace' | 'remove' | 'insert' | 'wrap' | 'write';
  readonly key: string;
  readonly value: unknown;
};

const change = (options: OddOptions): fc.Arbitrary<Change> =>
  fc.record({
    place: fc.nat(),
    how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'insert', 'wrap', 'write'),
    key: oddKey,
    value: anything(options),
  });

type Place = { readonly parent: Record<string, unknown>; readonly key: string };

/** Every place in the object, outermost first; of what is large only the beginning. */
function placesIn(root: Record<string, unknown>): Place[] {
  const places: Place[] = Object.keys(root).map((key) => ({ parent: root, key }));
  for (const { parent, key } of places) {
    const value = parent[key];
    if (places.length > 500) break;
    if (typeof value !== 'object' || value === null) continue;
    const inner = value as Record<string, unknown>;
    places.push(...Object.keys(inner).map((each) => ({ parent: inner, key: each })));
  }
  return places;
}

function alter(root: Record<string, unknown>, { place, how, key, value }: Change): void {
  const places = placesIn(root);
  const found = places[place % places.length];
  if (!found) {
    put(root, key, made(value));
    return;
  }
  const former = found.parent[found.key];
  const isObject = typeof former === 'object' && former !== null;
  if (how === 'remove') delete found.parent[found.key];
  else if (how === 'wrap') put(found.parent, found.key, [former]);
  else if (how === 'write')
    put(found.parent, found.key, isObject ? 'text' : { [String(former).slice(0, 9)]: former });
  else if (how === 'insert' && isObject) put(former, Array.isArray(former) ? '0' : key, made(value));
  else put(found.parent, found.key, made(value));
}

/** Wide objects are cut off: one that is wide is known by its beginning. */
const SHOWN_MAX = 4_000;

/** An object to be read, and how it is printed when it is a counterexample. */
export class Odd {
  readonly value: Json;

  constructor(value: Json) {
    this.value = value;
  }

  [fc.toStringMethod](): string {
    return inspect(this.value, { depth: 9, maxStringLength: 200, maxArrayLength: 10 }).slice(0, SHOWN_MAX);
  }
}

/** One of the valid objects with some places of it made odd; now and then nothing valid is left of it. */
export function oddOf(valid: readonly object[], options: OddOptions = {}): fc.Arbitrary<Odd> {
  const changes = fc.array(change(options), { minLength: 1, maxLength: 4 });
  const altered = fc.tuple(fc.nat({ max: valid.length - 1 }), changes).map(([index, list]) => {
    const root = structuredClone(valid[index]) as Record<string, unknown>;
    for (const each of list) alter(root, each);
    return new Odd(root);
  });
  const nothingValid = fc
    .array(fc.tuple(fc.constantFrom('metadata', 'spec', 'status', 'data', 'webhooks'), anything(options)))
    .map((entries) => new Odd(Object.fromEntries(entries.map(([key, value]) => [key, made(value)]))));
  return fc.oneof({ arbitrary: altered, weight: 8 }, { arbitrary: nothingValid, weight: 1 });
}
