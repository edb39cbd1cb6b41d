/** Patches in base64, put together from parts that were encoded before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EncodedValue, encodePatch, type PatchOperation } from '../../../webhook/patch/encode.ts';
import { anyText } from '../any-text.ts';
import { answered } from './answered.ts';

const decoded = (patch: string): unknown => JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));

const value = fc.oneof(
  anyText(),
  fc.json().map((text) => JSON.parse(text)),
);
const op = fc.constantFrom('add' as const, 'replace' as const);
const path = fc.constantFrom('/a', '/b/-', '/ä~1');
const fresh: fc.Arbitrary<PatchOperation> = fc.record({ op, path, value });
const parts = [{ name: 'one' }, 'zwei ü', [3]].map((each) => new EncodedValue(each));
const lasting = fc
  .tuple(fc.constantFrom(...parts), fc.boolean(), op, path)
  .map(([part, alone, how, where]) => (alone ? part.alone() : part).operation(how, where));
const operation = fc.oneof(fresh, lasting);

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

test('a part is the same under every path, however many there are', () => {
  const shared = new EncodedValue({ name: 'shared' });
  for (let index = 0; index < 100; index += 1) {
    const path = `/list/${index}`;
    const operations = [shared.operation('add', path)];
    assert.deepEqual(decoded(encodePatch(operations)), [{ op: 'add', path, value: shared.value }]);
  }
});

test('patches of the same parts in another order or number are told apart, however many are asked for', () => {
  const part = new EncodedValue('p');
  const single = Array.from({ length: 40 }, (_, index) => part.operation('add', `/${index}`));
  const lists = single.flatMap((one, index) => [
    [one],
    [one, ...single.slice(index)],
    single.slice(0, index),
  ]);
  for (const list of [...lists, ...lists.toReversed()]) {
    const { patch } = JSON.parse(answered('u1', { operations: list, warnings: [] })).response;
    assert.deepEqual(patch === undefined ? [] : decoded(patch), list);
  }
});

test('an answer is ASCII and names the uid that was sent, whatever that is', () => {
  fc.assert(
    fc.property(anyText({ minLength: 1 }), (uid) => {
      const text = answered(uid, { operations: [], warnings: [] });
      assert.match(text, /^[ -~]*$/);
      assert.equal(JSON.parse(text).response.uid, uid);
    }),
  );
});
