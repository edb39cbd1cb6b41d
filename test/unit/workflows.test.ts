/** The workflows of the forge: they run what you can run too, with as few rights as that needs. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const FOLDER = '.github/workflows/';
const workflows = Object.fromEntries(
  readdirSync(new URL(FOLDER, ROOT)).map((name) => [name, fieldsOf(parse(read(`${FOLDER}${name}`)))]),
);
const jobsOf = (workflow: Fields | undefined): Fields[] =>
  Object.values(fieldsOf(workflow?.jobs)).map((job) => fieldsOf(job));
const steps = Object.values(workflows)
  .flatMap(jobsOf)
  .flatMap((job) => listOf(job.steps));
const commands = steps.map(({ run }) => textOf(run) ?? '').filter((run) => run !== '');

describe('the workflows', () => {
  it('test by .ci/run, with nothing left out, on every push and proposal, and before a release', () => {
    const ci = workflows['ci.yml'];
    assert.deepEqual(Object.keys(fieldsOf(ci?.on)).sort(), ['pull_request', 'push', 'workflow_call']);
    const [job = {}] = jobsOf(ci);
    assert.equal(fieldsOf(job.env).CI, 'true');
    assert.equal(listOf(job.steps).at(-1)?.run, '.ci/run');
    assert.match(read('.ci/run'), /^make test test-all$/m);
    const { release, 'test-all': tests } = fieldsOf(workflows['release.yml']?.jobs);
    assert.equal(fieldsOf(tests).uses, './.github/workflows/ci.yml');
    assert.equal(fieldsOf(release).needs, 'test-all');
  });

  it('may write only where they publish', () => {
    for (const [name, workflow] of Object.entries(workflows))
      assert.deepEqual(workflow.permissions, { contents: 'read' }, name);
    const granted = Object.values(workflows)
      .flatMap(jobsOf)
      .flatMap(({ permissions }) => (permissions === undefined ? [] : [permissions]));
    assert.deepEqual(granted, [{ contents: 'write', packages: 'write' }]);
  });

  it("use the forge's own actions only, of a version that is named", () => {
    const used = steps.map(({ uses }) => textOf(uses) ?? '').filter((uses) => uses !== '');
    assert.ok(used.length > 3);
    assert.deepEqual(
      used.filter((uses) => !/^actions\/[a-z-]+@v\d+$/.test(uses)),
      [],
    );
  });

  it('put no text of others into a command: such values come by the environment', () => {
    assert.deepEqual(
      commands.filter((command) => command.includes('${{')),
      [],
    );
  });

  it('call targets and files that there are', () => {
    const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
    for (const command of commands) {
      for (const [, target] of command.matchAll(/^make ([a-z-]+)/g)) assert.ok(targets.has(target), command);
      for (const [, path = ''] of command.matchAll(/^(?:node )?((?:\.ci|scripts)\/\S+)/g))
        assert.ok(existsSync(new URL(path, ROOT)), command);
    }
  });
});
