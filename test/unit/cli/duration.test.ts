import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs } from '../../../cli/duration.ts';

const FOR_EVER = 2 ** 31 - 1;

it('a duration is read as kubectl reads durations', () => {
  const lengths: Record<string, number> = {
    '5': 5_000,
    '5s': 5_000,
    '1m30s': 90_000,
    '1.5h': 5_400_000,
    '250ms': 250,
  };
  for (const [text, ms] of Object.entries(lengths)) assert.equal(durationMs(text), ms, text);
});

it('a duration of 0, or one too long for a timer, means for ever', () => {
  for (const text of ['0', '0s', '9999h', '99999999999']) assert.equal(durationMs(text), FOR_EVER, text);
});

it('any other text is no duration', () => {
  for (const text of ['', 'soon', '-5s', '5d', '1e3', '5 s', 's'])
    assert.equal(durationMs(text), undefined, text);
});
