/** Lists of any length. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { greatestOf, leastOf, pushAll } from '../../../peers/lists.ts';

const LONG = Array.from({ length: 300_000 }, (_, index) => index);

describe('a list with more entries than a call can have arguments', () => {
  it('has a minimum and a maximum, and can be appended to another list', () => {
    assert.equal(leastOf(LONG), 0);
    assert.equal(greatestOf(LONG), 299_999);
    const list = [-1];
    pushAll(list, LONG);
    assert.equal(list.length, 300_001);
  });

  it('has no minimum and no maximum if it is empty, or no number is known', () => {
    assert.equal(leastOf([undefined]), Number.POSITIVE_INFINITY);
    assert.equal(greatestOf([]), Number.NEGATIVE_INFINITY);
    assert.equal(greatestOf([-3], 0), 0);
    assert.equal(leastOf([undefined, 4, 2]), 2);
  });
});
