import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { withoutManagedFields } from '../../../peers/read/managed-fields.ts';

/** The expected result by a simple way: every list under the key managedFields, at any depth, is emptied. */
function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(emptied);
  if (typeof value !== 'object' || value === null) return value;
  const isList = (key: string, each: unknown) => key === 'managedFields' && Array.isArray(each);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, isList(key, each) ? [] : emptied(each)]),
  );
}

/** Texts that could be mistaken for the beginning or the end of managedFields. */
const tricky = fc.constantFrom(
  ...[
    'managedFields',
    '"managedFields":[',
    ',"managedFields":[',
    '{"managedFields":[]',
    '\\',
    '\\"',
    '"]',
    ']',
  ],
  ...['[', '},"x":', '"', '\\\\', 'é', '\u2028', '😀', '\ud800'],
);
const text = fc.oneof(
  tricky,
  fc.array(tricky, { maxLength: 4 }).map((parts) => parts.join('')),
  fc.string(),
);
const key = fc.oneof(fc.constantFrom('managedFields', 'x"managedFields', 'x\\"managedFields'), text);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('json')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

describe('the text of an object without managedFields', () => {
  it('has all else of the object, whatever strings and keys the object has', () => {
    fc.assert(
      fc.property(json, (value) => {
        // As texts: JSON.parse of V8 14 takes the key `"` for the key `\\` of an object that it read before.
        assert.equal(withoutManagedFields(JSON.stringify(value)), JSON.stringify(emptied(value)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is shorter if the object has managedFields, and otherwise the same text', () => {
    const fieldsV1 = { 'f:data': { 'f:a"]': {}, 'k:{"uid":"[1]"}': { '.': {} } } };
    const object = (managedFields: unknown) =>
      JSON.stringify({ metadata: { managedFields, name: 'a' }, spec: { value: [1] } });
    const managed = object([{ manager: 'stranger', fieldsV1 }, { manager: 'another' }]);
    assert.equal(withoutManagedFields(managed), object([]));
    const plain = JSON.stringify({ metadata: { name: 'managedFields' } });
    assert.equal(withoutManagedFields(plain), plain);
  });

  it('is the same text if the text breaks off in the middle', () => {
    const whole = JSON.stringify({ metadata: { managedFields: [{ manager: 'a\\"' }] } });
    for (let length = 0; length < whole.length - 3; length += 1) {
      const part = whole.slice(0, length);
      assert.equal(withoutManagedFields(part), part);
    }
  });
});
