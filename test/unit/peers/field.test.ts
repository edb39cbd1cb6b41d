import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { isSameJson, timeOf } from '../../../peers/field.ts';

const value = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown);
/** A value, and a second value that is equal, nearly equal or different. */
const pair = fc.oneof(
  fc.tuple(value, value),
  value.map((one) => [one, JSON.parse(JSON.stringify(one))] as const),
  fc.tuple(value, fc.string(), value, value).map(([one, key, a, b]) => [
    { one, [key]: a },
    { [key]: b, one: JSON.parse(JSON.stringify(one)) },
  ]),
);

test('two JSON values are equal if and only if Node says so', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      // Node distinguishes 0 and -0, which are the same number for every reader.
      const plain = (each: unknown): unknown => JSON.parse(JSON.stringify(each));
      assert.equal(isSameJson(a, b), isDeepStrictEqual(plain(a), plain(b)));
      assert.equal(isSameJson(a, b), isSameJson(b, a));
    }),
    { numRuns: 2_000 },
  );
});

test('a list is no object, undefined is no empty object, and a key with the value undefined exists', () => {
  assert.equal(isSameJson([], {}), false);
  assert.equal(isSameJson(null, {}), false);
  assert.equal(isSameJson({ a: undefined }, { b: undefined }), false);
  assert.equal(isSameJson({ a: undefined }, { a: undefined }), true);
});

test('a time is a text in the format of Kubernetes, and no other text that a date parser accepts', () => {
  const at = Date.UTC(2026, 10, 29, 12);
  for (const text of ['2026-11-29T12:00:00Z', '2026-11-29T12:00:00.000000Z', '2026-11-29T13:00:00+01:00'])
    assert.equal(timeOf(text), at, text);
  for (const text of [
    '5',
    '2026',
    '2026-11-29',
    'Nov 29 2026',
    '2026-11-29T12:00:00',
    '2026-13-29T12:00:00Z',
    5,
    null,
  ])
    assert.equal(timeOf(text), undefined, String(text));
});
