/** The program in one file, as in the image: in a folder without any other file of ours. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runProgram } from '../../../cli/program.ts';
import { FakeTerminal } from './fake-terminal.ts';

const ROOT = join(import.meta.dirname, '../../..');
const BYTES_MAX = 5_000_000;

describe('the bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-bundle-'));
  const bundle = join(folder, 'stellar-peers.mjs');
  const run = (args: readonly string[]) => {
    const env = { PATH: process.env.PATH ?? '', HOME: folder };
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], {
      ...{ cwd: folder, env, encoding: 'utf8' },
    });
    return { status, stdout, stderr };
  };
  /** The result of the sources, in this process. */
  const ofTheSources = async (args: readonly string[]) => {
    const terminal = new FakeTerminal();
    terminal.read = (path) => readFileSync(path, 'utf8');
    const { code } = await runProgram(args, { env: {}, terminal });
    return { status: code, stdout: terminal.out, stderr: terminal.err };
  };

  before(() => execFileSync(process.execPath, ['scripts/bundle.ts', bundle], { cwd: ROOT, stdio: 'pipe' }));
  after(() => rmSync(folder, { recursive: true }));

  it('gives the same output as the sources', async () => {
    const pod = join(ROOT, 'test/golden/admission/operator.input.yaml');
    for (const args of [['--version'], ['preview', '-f', pod], ['restart-all']])
      assert.deepEqual(run(args), await ofTheSources(args), args.join(' '));
  });

  it('looks for a cluster by itself, and says that there is none', () => {
    const { status, stderr } = run(['run']);
    assert.equal(status, 1);
    assert.match(stderr, /^stellar-peers: no cluster is configured/);
  });

  it('leaves out the generated API of the Kubernetes client, and keeps a source map', () => {
    assert.ok(statSync(bundle).size < BYTES_MAX, `${statSync(bundle).size} bytes`);
    assert.doesNotMatch(readFileSync(bundle, 'utf8'), /class CoreV1Api|attributeTypeMap/);
    const { sources } = JSON.parse(readFileSync(`${bundle}.map`, 'utf8')) as { sources: string[] };
    assert.ok(sources.some((source) => source.endsWith('webhook/review/mutate.ts')));
  });
});
