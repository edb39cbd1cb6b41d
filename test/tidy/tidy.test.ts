/**
 * Rules that no linter checks: sizes of files and functions, retired names, and which file may read clock and environment.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { REASONS } from '../../peers/reasons/reasons.ts';
import { METRICS } from '../../runtime/metrics.ts';

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { encoding: 'utf8' });
const files = listed.split('\n').filter((file) => file !== '' && existsSync(file));
const product = files.filter((file) => !file.startsWith('test/') && !file.startsWith('scripts/'));
const textOf = (file: string): string => readFileSync(file, 'utf8');
const lineCount = (file: string): number => textOf(file).trimEnd().split('\n').length;

const FILE_LINES_MAX = 250;
const FUNCTION_LINES_MEDIAN_MAX = 10;
const FUNCTION_LINES_P90_MAX = 30;

/** Calls that reach outside the process, and the only files that may contain them. */
const EDGES: ReadonlyArray<{
  readonly pattern: RegExp;
  readonly allowed: readonly string[];
  readonly why: string;
}> = [
  {
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|(?<!\.)\bsetTimeout\b|\bsetInterval\b/,
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

/** A list that is spread over the arguments of a call. A call throws at about 100,000 arguments. */
const SPREAD = /\b(?:Math\.(?:max|min)|\w+\.(?:push|unshift|concat|splice|apply))\((?:[^()[{]*, )?\.\.\./;
/** Files where our own code bounds the length of the list. */
const SPREAD_ALLOWED: readonly string[] = [
  // At most 101 pods of one StatefulSet.
  'reconciler/plan/restarts/guards.ts',
  // Operations of one patch, and one item that moves to the front.
  ...['webhook/patch/patch.ts', 'webhook/patch/merge-steps.ts', 'webhook/review/answer.ts'],
];

/** Words that only this project used. Common terms have replaced them, such as `queue` for `lane`. */
const RETIRED = new Set([
  ...['lane', 'restarter', 'defuse', 'undo', 'pace', 'echo', 'gathering', 'figure', 'figures', 'measures'],
  ...['remark', 'remarks', 'judge', 'roster', 'listing', 'doubt', 'lull', 'lulls', 'complaint', 'recovery'],
  ...['directory', 'probe', 'standing', 'standings', 'turns', 'tell', 'told', 'story', 'asked', 'rounds'],
  ...['agreed', 'settle', 'spoken', 'shelf', 'whoever'],
]);
const EXPORTED = /^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm;
const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

/** Tests that run before each commit. They must pass on a machine under any load. */
const QUICK = files.filter((file) => /^test\/(unit|golden|tidy)\/|^test\/sim\/[^/]+$/.test(file));
/** Calls that make a test depend on the real time. */
const REAL_TIME =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b|(?<!\.)\bset(Timeout|Interval)\b|\bAbortSignal\.timeout\b|\bscheduler\.wait\b|\bsystemClock\b/;
const REAL_TIME_ALLOWED: readonly string[] = [
  // Virtual time. It waits for real promises to settle.
  'test/unit/stand-ins/manual-clock.ts',
  // Node's TLS compares certificates with the real time.
  'test/unit/stand-ins/now.ts',
];

/** Files with decisions only: they contain no promise, clock, log or client. */
const PURE = product.filter(
  (file) =>
    file.startsWith('peers/') ||
    /^page\/(snapshot|row)\.ts$/.test(file) ||
    /^webhook\/(patch\/|review\/(review|admit|owner)\.ts$|hold\/decision\.ts$)/.test(file) ||
    /^cli\/check\/(?!command|gather|trial)/.test(file) ||
    /^reconciler\/(plan\/|report\/(validator-gauges|group-labels)\.ts$)/.test(file),
);

function functionSizes(file: string): number[] {
  const source = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true);
  const sizes: number[] = [];
  const visit = (node: ts.Node, inside: boolean): void => {
    const isFunction = ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
    // Lines of a closure count as lines of the function around it.
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
  it('product files have at most 250 lines and begin with a comment that says what they own', () => {
    const long = product.filter((file) => lineCount(file) > FILE_LINES_MAX);
    assert.deepEqual(long, [], 'too long');
    const withoutHeader = files.filter(
      (file) => !/^(#!.*\n)?\/\*\*/.test(textOf(file)) && !file.endsWith('.test.ts'),
    );
    assert.deepEqual(withoutHeader, [], 'no header');
  });

  it('functions are short', () => {
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

  it('no list that a tenant may make long is spread over the arguments of a call', () => {
    const found = product.filter((file) => SPREAD.test(textOf(file)) && !SPREAD_ALLOWED.includes(file));
    assert.deepEqual(found, [], 'use leastOf, greatestOf and pushAll of peers/lists.ts');
  });

  it('no unit test looks at the real time or sleeps', () => {
    assert.ok(QUICK.length > 200);
    const found = QUICK.filter((file) => !REAL_TIME_ALLOWED.includes(file) && REAL_TIME.test(textOf(file)));
    assert.deepEqual(found, [], 'use ManualClock, eventually or processorTimeOf, of test/unit/stand-ins');
  });

  it('files with decisions are synchronous and use no clock, log or client', () => {
    assert.ok(PURE.length > 15);
    const impure = PURE.filter((file) =>
      /\bawait\b|\bPromise\b|^(?!import type).*from '(\.\.\/)+runtime\/(?!kube\/resources|backoff)/m.test(
        textOf(file),
      ),
    );
    assert.deepEqual(impure, []);
  });

  it('no exported name or file uses a word that only this project had', () => {
    const found = product.flatMap((file) => {
      const exported = [...textOf(file).matchAll(EXPORTED)].map(([, name = '']) => name);
      const named = [...exported, file.replace(/^.*\/|\.ts$/g, '')];
      return named
        .filter((name) => wordsOf(name).some((word) => RETIRED.has(word)))
        .map((name) => `${file}: ${name}`);
    });
    assert.deepEqual(found, []);
  });

  it('the code uses every reason and every metric', () => {
    const code = product
      .filter((file) => !/^peers\/reasons\/|metrics\.ts$/.test(file))
      .map(textOf)
      .join('\n');
    const unused = [...Object.keys(REASONS), ...Object.keys(METRICS)].filter(
      (name) => !code.includes(`'${name}'`),
    );
    assert.deepEqual(unused, []);
  });

  it('the root has at most 28 entries, so that a newcomer can read its listing', () => {
    const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' });
    const entries = new Set(
      tracked.split('\n').flatMap((file) => (existsSync(file) ? file.split('/')[0] : [])),
    );
    assert.ok(entries.size <= 28, `${entries.size}: ${[...entries].join(' ')}`);
  });

  it('a person or thing is called by its name: at most 20 vague words for people in the tree', () => {
    const vague = ['who' + 'ever', 'no' + 'body', 'some' + 'body', 'any' + 'body', 'every' + 'body'];
    const twoWords = ['no one', 'some one', 'any one', 'every one'];
    const words = new RegExp(`\\b(${[...vague, ...twoWords].join('|')})\\b`, 'gi');
    const all = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' });
    const found = all
      .split('\n')
      .filter((file) => /\.(ts|js|mjs|md|ya?ml|go|sh|patch|css|html|txt|tpl)$/.test(file) && existsSync(file))
      .flatMap((file) => [...textOf(file).matchAll(words)].map(([word]) => `${file}: ${word}`));
    assert.ok(found.length <= 20, found.join('\n'));
  });

  it('no file has an open task, and no test is skipped', () => {
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
