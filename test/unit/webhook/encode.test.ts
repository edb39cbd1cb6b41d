/** Patches in base64, put together from parts that were encoded before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodePatch, lastingValue, listOfOne, type PatchOperation } from '../../../webhook/encode.ts';
import { answer } from '../../../webhook/review.ts';

const decoded = (patch: string): unknown => JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json().map((text) => JSON.parse(text)),
);
const lasting = fc.dictionary(fc.string(), value, { maxKeys: 3 }).map((object) => lastingValue(object));
const operation: fc.Arbitrary<PatchOperation> = fc.record({
  op: fc.constantFrom('add' as const, 'replace' as const),
  path: fc.constantFrom('/a', '/b/-', '/ä~1'),
  value: fc.oneof(value, lasting, lasting.map(listOfOne)),
});

test('a patch is read as it was meant, the first time and again', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 6 }), (operations) => {
      const meant = JSON.parse(JSON.stringify(operations));
      assert.deepEqual(decoded(encodePatch(operations)), meant);
      assert.deepEqual(decoded(encodePatch([...operations].reverse())), meant.reverse());
    }),
    { numRuns: 1_000 },
  );
});

test('a value that lasts is the same under every path, however many there are', () => {
  const shared = lastingValue({ name: 'shared' });
  for (let index = 0; index < 100; index += 1) {
    const operations = [{ op: 'add', path: `/list/${index}`, value: shared }] as const;
    assert.deepEqual(decoded(encodePatch(operations)), operations);
  }
});

test('an answer is ASCII and names the uid that was sent, whatever that is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (uid) => {
      const text = answer(uid, { operations: [], warnings: [] });
      assert.match(text, /^[ -~]*$/);
      assert.equal(JSON.parse(text).response.uid, uid);
    }),
  );
});
