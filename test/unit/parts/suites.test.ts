/** The parts of `make check`, `make test` and `make test-all`. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { partsOf, SUITES } from '../../../scripts/parts/parts.ts';
import { endToEndTests } from '../../e2e/plan.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const { scripts, engines } = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};
const scriptsOf = (suite: string): string[] => partsOf(SUITES[suite] ?? []).map(({ script }) => script);

/** The test files that a script runs: those of its patterns, or of the plan that it reads. */
function filesOf(script: string): string[] {
  if (script === 'test:e2e') {
    const { sideBySide, alone, inGroups } = endToEndTests();
    return [...sideBySide, ...alone, ...inGroups].map((name) => join('test/e2e', name));
  }
  const patterns = (scripts[script] ?? '').matchAll(/[^\s']+\.test\.ts/g);
  return [...patterns].flatMap(([pattern]) => globSync(pattern, { cwd: ROOT }));
}

describe('the suites', () => {
  it('consist of scripts in package.json', () => {
    const all = Object.keys(SUITES).flatMap(scriptsOf);
    assert.ok(all.length > 15);
    assert.deepEqual(
      all.filter((script) => scripts[script] === undefined),
      [],
    );
  });

  it('leave out no test file, and run none twice, except with more random cases', () => {
    const all = ['test', 'rest'].flatMap(scriptsOf);
    const run = all.filter((script) => script !== 'test:cases').flatMap(filesOf);
    assert.deepEqual(run.sort(), globSync('test/**/*.test.ts', { cwd: ROOT }).sort());
  });

  it('begin with all parts of make check, and share no part', () => {
    const [check, test, rest] = ['check', 'test', 'rest'].map(scriptsOf);
    assert.deepEqual(test?.slice(0, check?.length), check);
    assert.deepEqual(
      rest?.filter((script) => test?.includes(script)),
      [],
    );
  });

  it('include the oldest Node that package.json promises', () => {
    assert.match(engines.node, /^>=\d+\.\d+$/);
    assert.match(scripts['test:minimum'] ?? '', /node scripts\/on-minimum\.ts test:unit$/);
  });
});
