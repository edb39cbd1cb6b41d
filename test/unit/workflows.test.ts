/** The workflows of the forge: they run scripts that you can run too, with as few rights as possible. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { unpinned } from '../../scripts/release/pins.ts';

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
  it('run all tests by .ci/run, on every push and pull request, and before a release', () => {
    const ci = workflows['ci.yml'];
    assert.deepEqual(Object.keys(fieldsOf(ci?.on)).sort(), ['pull_request', 'push', 'workflow_call']);
    const [job = {}] = jobsOf(ci);
    assert.equal(fieldsOf(job.env).CI, 'true');
    assert.equal(listOf(job.steps).at(-1)?.run, '.ci/run');
    assert.match(read('.ci/run'), /^make test test-all$/m);
    const { build, registry, files, 'test-all': tests } = fieldsOf(workflows['release.yml']?.jobs);
    assert.equal(fieldsOf(tests).uses, './.github/workflows/ci.yml');
    assert.deepEqual(fieldsOf(build).needs, ['test-all', 'audit']);
    assert.deepEqual([fieldsOf(registry).needs, fieldsOf(files).needs], ['build', 'registry']);
  });

  it('have write permissions only where they publish', () => {
    for (const [name, workflow] of Object.entries(workflows))
      assert.deepEqual(workflow.permissions, { contents: 'read' }, name);
    const jobs = fieldsOf(workflows['release.yml']?.jobs);
    const granted = Object.entries(jobs).flatMap(([name, job]) => {
      const { permissions } = fieldsOf(job);
      return permissions === undefined ? [] : [[name, permissions]];
    });
    // Signatures and provenance name the workflow by a token, which the workflow requests with id-token.
    const signs = { 'id-token': 'write', attestations: 'write' };
    assert.deepEqual(granted, [
      ['registry', { contents: 'read', packages: 'write', ...signs }],
      ['files', { contents: 'write' }],
    ]);
    const [ci] = jobsOf(workflows['ci.yml']);
    assert.equal(ci?.permissions, undefined);
  });

  it('publish only files that a job without write permissions has built', () => {
    for (const name of ['registry', 'files']) {
      const job = fieldsOf(fieldsOf(workflows['release.yml']?.jobs)[name]);
      const text = JSON.stringify(job);
      assert.doesNotMatch(text, /actions\/checkout|make |npm |node /, name);
    }
  });

  it('sign image, chart and checksums, and attest the provenance of image and files', () => {
    const { registry } = fieldsOf(workflows['release.yml']?.jobs);
    const text = JSON.stringify(registry);
    for (const wanted of [
      'cosign sign --yes',
      'cosign attest',
      'cosign sign-blob',
      'subject-digest',
      'subject-checksums',
    ])
      assert.ok(text.includes(wanted), wanted);
  });

  it("use the forge's own actions and that of cosign, each by digest, or marked as yet without one", () => {
    const used = steps.map(({ uses }) => textOf(uses) ?? '').filter((uses) => uses !== '');
    assert.ok(used.length > 3);
    assert.deepEqual(
      used.filter(
        (uses) => !/^(actions\/[a-z-]+|sigstore\/cosign-installer)@(v\d+|[0-9a-f]{40})$/.test(uses),
      ),
      [],
    );
    for (const name of Object.keys(workflows)) {
      const text = read(`${FOLDER}${name}`);
      for (const line of text
        .split('\n')
        .filter((each) => /(uses|image): [^.]+@v\d|image: \S+:\w+$/.test(each)))
        assert.match(line, / # digest missing$/, name);
    }
  });

  it('have each action and image without a digest listed by the release check', () => {
    const digest = 'a'.repeat(40);
    assert.deepEqual(unpinned('      - uses: actions/checkout@v4 # digest missing'), ['actions/checkout@v4']);
    assert.deepEqual(unpinned(`      - uses: actions/checkout@${digest} # v4`), []);
    assert.deepEqual(unpinned('      - uses: actions/checkout@v4'), ['actions/checkout@v4']);
    assert.deepEqual(unpinned('      image: debian:trixie'), ['debian:trixie']);
    assert.deepEqual(unpinned(`      image: debian:trixie@sha256:${'a'.repeat(64)}`), []);
    assert.deepEqual(unpinned(`    uses: a/b@${digest} # digest missing`), [`a/b@${digest}`]);
    assert.deepEqual(unpinned('    uses: ./.github/workflows/ci.yml'), []);
  });

  it('pass text of others to commands only by the environment', () => {
    assert.deepEqual(
      commands.filter((command) => command.includes('${{')),
      [],
    );
  });

  it('call only targets and files that exist', () => {
    const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
    for (const command of commands) {
      for (const [, target] of command.matchAll(/^make ([a-z-]+)/g)) assert.ok(targets.has(target), command);
      for (const [, path = ''] of command.matchAll(/^(?:node )?((?:\.ci|scripts)\/\S+)/g))
        assert.ok(existsSync(new URL(path, ROOT)), command);
    }
  });
});
