/** Quorum sets of any content are read, or refused with a reason that names the line, in little time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../any-text.ts';
import { problemOf } from '../peers/quorum-texts.ts';
import { processorTimeOf } from '../stand-ins/processor-time.ts';
import { fuzz } from './odd.ts';

const LENGTH_MAX = 64 * 1024;
/** What texts of the longest kind are made of: lines of both forms, and what a parser has to keep in mind. */
const PIECES = [
  ...[
    '[[VALIDATORS]]\n',
    '[[HOME_DOMAINS]]\n',
    '[QUORUM_SET]\n',
    '[QUORUM_SET',
    '.a',
    'a.',
    ']\n',
    '= 1\n',
    ' ',
  ],
  ...[
    'QUALITY="HIGH"\n',
    'HOME_DOMAIN="a"\n',
    'NAME="b"\n',
    'THRESHOLD_PERCENT=51\n',
    'VALIDATORS=["$a",',
    '"$b",',
  ],
  ...[
    'QUORUM_SET={',
    'x={',
    '[',
    '[[',
    '"',
    "'",
    '"""',
    '#',
    '\\',
    '\n',
    '\r',
    '\u0000',
    '=',
    'NODE_HOME_DOMAIN="a"\n',
  ],
];
const longTexts = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...PIECES), anyText()), fc.integer({ min: 1, max: LENGTH_MAX })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => {
    const share = Math.floor(LENGTH_MAX / parts.length);
    return parts
      .map(([piece, times]) => piece.repeat(Math.min(times, share)).slice(0, share))
      .join('')
      .slice(0, LENGTH_MAX);
  });

describe('a quorum set of up to 64 KiB', () => {
  it('is read, or refused with an existing line number, within a quarter of a second', async (t) => {
    await fuzz(t, { runs: 600, values: longTexts }, async (text) => {
      const { value: problem, processorMs } = await processorTimeOf(() => problemOf(text));
      assert.ok(processorMs < 250, `${processorMs} ms for ${JSON.stringify(text.slice(0, 200))}`);
      if (problem === undefined) return;
      const line = Number(/^line (\d+): /.exec(problem)?.[1]);
      assert.ok(line >= 1 && line <= text.split('\n').length, problem);
      assert.ok(problem.length < 300 && !problem.includes('cannot be read'), problem);
    });
  });
});
