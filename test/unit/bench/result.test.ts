/** What `make bench` says of a ratio. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdictOn } from '../../bench/result.ts';

const higher = (value: number) => ({ value, better: 'higher' }) as const;
const lower = (value: number) => ({ value, better: 'lower' }) as const;

test('a ratio within a tenth of what it was is the same; beyond, it depends on what is better', () => {
  assert.equal(verdictOn(higher(0.85), higher(0.8)), 'same');
  assert.equal(verdictOn(higher(0.95), higher(0.8)), 'better');
  assert.equal(verdictOn(higher(0.7), higher(0.8)), 'worse');
  assert.equal(verdictOn(lower(1), lower(1.5)), 'better');
  assert.equal(verdictOn(lower(2), lower(1.5)), 'worse');
});
