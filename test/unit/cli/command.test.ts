/** The whole command: the output, messages and exit code of a command line. Three processes test the scripts in bin/. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runProgram } from '../../../cli/program.ts';
import { terminalOf } from '../../../cli/terminal.ts';
import { FakeTerminal } from './fake-terminal.ts';

const ROOT = join(import.meta.dirname, '../../..');
const COMMAND = join(ROOT, 'bin/stellar-peers');
const PLUGIN = join(ROOT, 'bin/kubectl-stellar_peers');
const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-cli-'));
after(() => rmSync(folder, { recursive: true }));
// The places of a kubeconfig are set so that no file of this machine is found.
process.env.HOME = folder;
delete process.env.KUBECONFIG;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The result of a command line in this process. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const terminal = new FakeTerminal();
  terminal.read = terminalOf(process, env).read;
  const { code = null } = await runProgram(args, { env, terminal });
  return { status: code, stdout: terminal.out, stderr: terminal.err };
}

/** The result of a script in bin/, run as a process. */
function runScript(script: string, args: readonly string[], input = ''): Result {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, HOME: folder, NODE_COMPILE_CACHE };
  const { status, stdout, stderr } = spawnSync(script, args, { env, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A file with this text. */
function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A kubeconfig that points where no server listens. */
function deadKubeconfig(): string {
  const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:9' } };
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } };
  const user = { name: 'u', user: { token: 't' } };
  const config = { clusters: [cluster], contexts: [context], users: [user], 'current-context': 'x' };
  return fileOf('kubeconfig', JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }));
}

const POD = `apiVersion: v1
kind: Pod
metadata: { name: validator-1-0, labels: { app.kubernetes.io/instance: validator-1, stellar.org/node-type: Validator } }
spec: { containers: [{ name: stellar-node, image: stellar/stellar-core }] }
`;

describe('the command', () => {
  it('prints its help with --help, on standard output', async () => {
    const result = runScript(COMMAND, ['--help']);
    assert.deepEqual([result.status, result.stderr], [0, '']);
    assert.match(result.stdout, /Exit status\n {2}0 all well/);
    assert.deepEqual(result, await run(['--help']));
  });

  it('previews without a cluster, also from standard input, and in the same way as a plugin of kubectl', async () => {
    const result = await run(['preview', '-f', fileOf('pod.yaml', POD)]);
    assert.equal(result.status, 0);
    for (const word of ['/etc/stellar/peers', 'validator-1.peers.txt', 'KNOWN_PEERS_FILE']) {
      assert.ok(result.stdout.includes(word), word);
    }
    assert.deepEqual(runScript(PLUGIN, ['preview', '-f', '-'], POD), result);
  });

  it('is found by kubectl as a plugin', () => {
    const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    for (const [name, path] of Object.entries(bin)) assert.equal(path, `bin/${name}`);
    assert.ok('kubectl-stellar_peers' in bin);
  });

  it('prints its version', async () => {
    const { status, stdout } = await run(['--version']);
    assert.equal(status, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('exits 1 if a manifest cannot be previewed, and says why on standard error', async () => {
    const result = runScript(COMMAND, ['preview', '-f', '-'], 'kind: Deployment');
    assert.deepEqual([result.status, result.stdout], [1, '']);
    assert.match(result.stderr, /neither a Pod nor a StatefulSet/);
    assert.deepEqual(result, await run(['preview', '-f', fileOf('deployment.yaml', 'kind: Deployment')]));
    const { stderr } = await run(['preview', '-f', fileOf('broken.yaml', 'kind: [Pod\n')]);
    assert.match(stderr, /^stellar-peers: The file is not valid YAML: .* at line 2, column 1\n$/);
  });

  it('exits 2 on wrong usage and on invalid settings, and names the mistake', async () => {
    const wrong: ReadonlyArray<readonly [readonly string[], Record<string, string>, RegExp]> = [
      [['bogus'], {}, /unknown command: bogus/],
      [['--bogus'], {}, /--bogus/],
      [['status', 'more'], {}, /unexpected argument: more/],
      [['status', '--yes'], {}, /status takes no flag --yes/],
      [['help', 'bogus'], {}, /unknown command: bogus/],
      [['preview'], {}, /-f POD\.yaml/],
      [['rollout'], {}, /rollout takes one more word: plan/],
      [['rollout', 'plan', '--set', 'ROLL_BELOW'], {}, /--set takes NAME=VALUE, not ROLL_BELOW/],
      [['rollout', 'plan', '--set', 'PATH=x'], {}, /--set: no setting is called PATH\n/],
      [
        ['check', '--set', 'ROLL_BELLOW=all'],
        {},
        /no setting is called ROLL_BELLOW; did you mean ROLL_BELOW\?/,
      ],
      [['adopt', 'a', '--all', '-n', 'x'], {}, /adopt takes names of StellarNodes or --all, not both/],
      [['rollout', 'plan', '--set', 'ROLL_BELOW=few'], {}, /ROLL_BELOW="few"/],
      [['adopt', '--all'], {}, /adopt --all needs a namespace/],
      [['stauts'], {}, /unknown command: stauts; did you mean status\?\nSee stellar-peers --help\.$/],
      [['status', '--kubeconfg=x'], {}, /unknown flag: --kubeconfg; did you mean --kubeconfig\?/],
      [['status', '--zzzz'], {}, /unknown flag: --zzzz\n/],
      [['status', '--force'], {}, /status takes no flag --force\nSee stellar-peers status --help\.$/],
      [['rollout', 'plan', 'x'], {}, /See stellar-peers rollout plan --help\.$/],
      [['status', '--request-timeout=soon'], {}, /--request-timeout takes a time such as 5s or 1m, not soon/],
      [['adopt', '-n', 'stellar'], {}, /adopt needs names of StellarNodes, or --all/],
      [['run'], { MAX_PEERS: 'many' }, /MAX_PEERS="many"/],
      [['run'], { REQUEST_TIMEOUT_SECONDS: '9' }, /more than a third of LEASE_DURATION_SECONDS/],
    ];
    for (const [args, env, message] of wrong) {
      const { status, stderr } = await run(args, env);
      assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr.trim(), message);
      assert.ok(!stderr.includes('    at '), 'no stack for a mistake of the user');
    }
  });

  it('exits 1 where a file cannot be read', async () => {
    const { status, stderr } = await run(['preview', '-f', join(folder, 'nowhere.yaml')]);
    assert.equal(status, 1);
    assert.match(stderr, /nowhere\.yaml cannot be read: there is no such file\n/);
    assert.ok(!stderr.includes('    at '));
  });

  it('exits 3 if the cluster cannot be reached', async () => {
    for (const command of [
      ['status'],
      ['check'],
      ['check', '--pre'],
      ['rollout', 'plan'],
      ['adopt', '--all', '-n', 'stellar', '--yes'],
    ]) {
      const { status, stderr } = await run([...command, '--kubeconfig', deadKubeconfig()]);
      assert.equal(status, 3, stderr);
      const where = 'context x, server https://127.0.0.1:9';
      assert.ok(
        stderr.startsWith(`stellar-peers: no answer from the API server (${where}): nothing listens`),
      );
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
  });

  it('uses the server, the user and the timeout of the flags', async () => {
    const flags = [
      '--server=https://127.0.0.1:19',
      '--cluster=c',
      '--user=u',
      '--as=you',
      '--request-timeout=1s',
    ];
    const { status, stderr } = await run(['status', '--kubeconfig', deadKubeconfig(), ...flags]);
    assert.equal(status, 3);
    assert.match(stderr, /server https:\/\/127\.0\.0\.1:19\)/);
    for (const flag of ['--cluster', '--user']) {
      const wrong = await run(['status', '--kubeconfig', deadKubeconfig(), flag, 'gone']);
      assert.equal(wrong.status, 3);
      assert.match(wrong.stderr, new RegExp(`has no ${flag.slice(2)} gone; its ${flag.slice(2)}s are `));
    }
  });

  it('says in a fresh checkout what is missing', () => {
    const root = join(folder, 'fresh');
    mkdirSync(join(root, 'bin'), { recursive: true });
    for (const name of ['stellar-peers', 'kubectl-stellar_peers'])
      copyFileSync(join(ROOT, 'bin', name), join(root, 'bin', name));
    writeFileSync(join(root, 'main.ts'), '');
    const { status, stderr } = runScript(join(root, 'bin/kubectl-stellar_peers'), ['status']);
    assert.equal(status, 1);
    assert.match(stderr, /^stellar-peers: .*: (install one, or )?run `npm ci` in .*fresh\n$/);
  });

  it('exits 3 if no cluster is configured', async () => {
    const missing = join(folder, 'missing');
    for (const [args, message] of [
      [['status'], /no cluster is configured: set KUBECONFIG/],
      [['status', '--kubeconfig', missing], /the kubeconfig .*missing cannot be read/],
      [['status', '--kubeconfig', deadKubeconfig(), '--context', 'other'], /has no context other/],
    ] as const) {
      const { status, stderr } = await run(args);
      assert.equal(status, 3, stderr);
      assert.match(stderr, message);
    }
  });
});
