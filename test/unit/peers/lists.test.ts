/** Lists of any length. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { greatestOf, leastOf, pushAll } from '../../../peers/lists.ts';

const LONG = Array.from({ length: 300_000 }, (_, index) => index);

describe('a list that is longer than a call takes arguments', () => {
  it('has a least and a greatest number, and is appended to another', () => {
    assert.equal(leastOf(LONG), 0);
    assert.equal(greatestOf(LONG), 299_999);
    const list = [-1];
    pushAll(list, LONG);
    assert.equal(list.length, 300_001);
  });

  it('has none where it is empty, or none is known', () => {
    assert.equal(leastOf([undefined]), Number.POSITIVE_INFINITY);
    assert.equal(greatestOf([]), Number.NEGATIVE_INFINITY);
    assert.equal(greatestOf([-3], 0), 0);
    assert.equal(leastOf([undefined, 4, 2]), 2);
  });
});
