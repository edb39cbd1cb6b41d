/**
 * House rules that no kept tool can say: sizes of files and functions, and what may touch the outside.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { REASONS } from '../../peers/reasons.ts';
import { METRICS } from '../../runtime/metrics.ts';

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { encoding: 'utf8' });
const files = listed.split('\n').filter((file) => file !== '' && existsSync(file));
const product = files.filter((file) => !file.startsWith('test/') && !file.startsWith('scripts/'));
const textOf = (file: string): string => readFileSync(file, 'utf8');
const lineCount = (file: string): number => textOf(file).trimEnd().split('\n').length;

const FILE_LINES_MAX = 250;
const FUNCTION_LINES_MEDIAN_MAX = 10;
const FUNCTION_LINES_P90_MAX = 30;

/** Outside world → the only files that may touch it. */
const EDGES: ReadonlyArray<{
  readonly pattern: RegExp;
  readonly allowed: readonly string[];
  readonly why: string;
}> = [
  {
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b/,
    allowed: ['runtime/clock.ts'],
    why: 'time and randomness come from runtime/clock.ts',
  },
  {
    pattern: /\bprocess\.env\b|\bprocess\.exit\b/,
    allowed: ['main.ts'],
    why: 'only main.ts reads the environment and exits',
  },
  { pattern: /\bfrom 'pino'/, allowed: ['runtime/log.ts'], why: 'logging goes through runtime/log.ts' },
  {
    pattern: /\bfrom 'prom-client'/,
    allowed: ['runtime/metrics.ts'],
    why: 'metrics go through runtime/metrics.ts',
  },
];

/** Files that decide: no promise, clock, log or client in them. */
const PURE = product.filter(
  (file) =>
    file.startsWith('peers/') ||
    /^page\/(snapshot|row|restarts)\.ts$/.test(file) ||
    /^webhook\/(encode|patch|review|steps|merge-steps)\.ts$/.test(file) ||
    /^cli\/check\/(?!command|gather|trial)/.test(file) ||
    /^reconciler\/(at-rest|availability|candidate|drift|figures|forecast|group-labels|guards|journal|margin|namespace-content|outcome|overview|pace|publish|reasons-now|refused|remarks|rollout|services|signal-state|signal-targets|strategy|windows)\.ts$/.test(
      file,
    ),
);

function functionSizes(file: string): number[] {
  const source = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true);
  const sizes: number[] = [];
  const visit = (node: ts.Node, inside: boolean): void => {
    const isFunction = ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
    // A closure counts inside its parent, as in the figures that the bar was taken from.
    if (isFunction && !inside) {
      const { line: first } = source.getLineAndCharacterOfPosition(node.getStart());
      const { line: last } = source.getLineAndCharacterOfPosition(node.getEnd());
      sizes.push(last - first + 1);
    }
    ts.forEachChild(node, (child) => visit(child, inside || isFunction));
  };
  visit(source, false);
  return sizes;
}

describe('house rules', () => {
  it('product files are at most 250 lines and open by saying what they own', () => {
    const long = product.filter((file) => lineCount(file) > FILE_LINES_MAX);
    assert.deepEqual(long, [], 'too long');
    const silent = files.filter(
      (file) => !/^(#!.*\n)?\/\*\*/.test(textOf(file)) && !file.endsWith('.test.ts'),
    );
    assert.deepEqual(silent, [], 'no header');
  });

  it('functions fit in the head', () => {
    const sizes = product.flatMap(functionSizes).sort((a, b) => a - b);
    const at = (share: number): number => sizes[Math.floor(sizes.length * share)] ?? 0;
    assert.ok(at(0.5) <= FUNCTION_LINES_MEDIAN_MAX, `median is ${at(0.5)}`);
    assert.ok(at(0.9) <= FUNCTION_LINES_P90_MAX, `p90 is ${at(0.9)}`);
  });

  for (const { pattern, allowed, why } of EDGES) {
    it(why, () => {
      const found = product.filter((file) => !allowed.includes(file) && pattern.test(textOf(file)));
      assert.deepEqual(found, []);
    });
  }

  it('what decides is synchronous and knows no clock, log or client', () => {
    assert.ok(PURE.length > 15);
    const impure = PURE.filter((file) =>
      /\bawait\b|\bPromise\b|from '(\.\.\/)+runtime\/(?!resources)/.test(textOf(file)),
    );
    assert.deepEqual(impure, []);
  });

  it('every reason and every metric is one that the code gives', () => {
    const code = product
      .filter((file) => !/reasons\.ts$|metrics\.ts$/.test(file))
      .map(textOf)
      .join('\n');
    const unused = [...Object.keys(REASONS), ...Object.keys(METRICS)].filter(
      (name) => !code.includes(`'${name}'`),
    );
    assert.deepEqual(unused, []);
  });

  it('nothing is left over or skipped', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].map((mark) => `\\b${mark}\\b`).join('|'),
    );
    const skipped = /\b(it|test|describe)\.(skip|only|todo)\b|\{ *(skip|todo|only): *true/;
    const found = files.filter((file) => marks.test(textOf(file)) || skipped.test(textOf(file)));
    assert.deepEqual(
      found.filter((file) => file !== 'test/tidy/tidy.test.ts'),
      [],
    );
  });
});
