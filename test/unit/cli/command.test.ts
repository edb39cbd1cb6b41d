import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const ROOT = join(import.meta.dirname, '../../..');
const COMMAND = join(ROOT, 'bin/stellar-peers');
const PLUGIN = join(ROOT, 'bin/kubectl-stellar_peers');
const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-cli-'));
after(() => rmSync(folder, { recursive: true }));

interface Options {
  readonly env?: Record<string, string>;
  readonly input?: string;
  readonly command?: string;
}

function run(args: readonly string[], options: Options = {}) {
  const env = { PATH: process.env.PATH ?? '', HOME: folder, ...options.env };
  const { status, stdout, stderr } = spawnSync(options.command ?? COMMAND, args, {
    env,
    input: options.input ?? '',
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** A kubeconfig that points where nobody listens. */
function deadKubeconfig(): string {
  const path = join(folder, 'kubeconfig');
  const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:9' } };
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } };
  const user = { name: 'u', user: { token: 't' } };
  const config = { clusters: [cluster], contexts: [context], users: [user], 'current-context': 'x' };
  writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }));
  return path;
}

const POD = `apiVersion: v1
kind: Pod
metadata: { name: validator-1-0, labels: { app.kubernetes.io/instance: validator-1, stellar.org/node-type: Validator } }
spec: { containers: [{ name: stellar-node, image: stellar/stellar-core }] }
`;

describe('the command', () => {
  it('explains itself with --help, on standard output', () => {
    const { status, stdout, stderr } = run(['--help']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /Exit status\n {2}0 all well/);
  });

  it('is found by kubectl, under a name with which its own is the same', () => {
    assert.deepEqual(
      run(['preview', '-f', '-'], { input: POD, command: PLUGIN }),
      run(['preview', '-f', '-'], { input: POD }),
    );
    const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    for (const [name, path] of Object.entries(bin)) assert.equal(path, `bin/${name}`);
    assert.ok('kubectl-stellar_peers' in bin);
  });

  it('prints its version', () => {
    const { status, stdout } = run(['--version']);
    assert.equal(status, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('previews without a cluster, also from standard input', () => {
    const { status, stdout } = run(['preview', '-f', '-'], { input: POD });
    assert.equal(status, 0);
    for (const word of ['/etc/stellar/peers', 'validator-1.peers.txt', 'KNOWN_PEERS_FILE']) {
      assert.ok(stdout.includes(word), word);
    }
  });

  it('exits 1 where a manifest cannot be previewed, and says why', () => {
    const { status, stderr } = run(['preview', '-f', '-'], { input: 'kind: Deployment' });
    assert.equal(status, 1);
    assert.match(stderr, /neither a Pod nor a StatefulSet/);
  });

  it('exits 2 on wrong usage and on settings that cannot be used, naming what is wrong', () => {
    const wrong: ReadonlyArray<readonly [readonly string[], Record<string, string>, RegExp]> = [
      [['bogus'], {}, /unknown command: bogus/],
      [['--bogus'], {}, /--bogus/],
      [['status', 'more'], {}, /unexpected argument: more/],
      [['status', '--yes'], {}, /status takes no flag --yes/],
      [['help', 'bogus'], {}, /unknown command: bogus/],
      [['preview'], {}, /-f POD\.yaml/],
      [['rollout'], {}, /rollout takes one more word: plan/],
      [['rollout', 'plan', '--set', 'ROLL_BELOW'], {}, /--set takes NAME=VALUE, not ROLL_BELOW/],
      [['rollout', 'plan', '--set', 'PATH=x'], {}, /--set takes NAME=VALUE, not PATH=x/],
      [['rollout', 'plan', '--set', 'ROLL_BELOW=few'], {}, /ROLL_BELOW="few"/],
      [['adopt', 'validator-1'], {}, /adopt needs a namespace/],
      [['adopt', '-n', 'stellar'], {}, /adopt needs names of StellarNodes, or --all/],
      [['run'], { MAX_PEERS: 'many' }, /MAX_PEERS="many"/],
      [['run'], { REQUEST_TIMEOUT_SECONDS: '9' }, /more than a third of LEASE_DURATION_SECONDS/],
    ];
    for (const [args, env, message] of wrong) {
      const { status, stderr } = run(args, { env });
      assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
      assert.ok(!stderr.includes('    at '), 'no stack for a mistake of the user');
    }
  });

  it('exits 1 where a file cannot be read', () => {
    const { status, stderr } = run(['preview', '-f', join(folder, 'nowhere.yaml')]);
    assert.equal(status, 1);
    assert.match(stderr, /nowhere\.yaml cannot be read: ENOENT/);
    assert.ok(!stderr.includes('    at '));
  });

  it('exits 3 where the cluster cannot be reached', () => {
    for (const command of [
      ['status'],
      ['check'],
      ['check', '--pre'],
      ['rollout', 'plan'],
      ['adopt', '--all', '-n', 'stellar', '--yes'],
    ]) {
      const { status, stderr } = run([...command, '--kubeconfig', deadKubeconfig()]);
      assert.equal(status, 3, stderr);
      assert.match(stderr, /no answer from the API server/);
    }
  });

  it('exits 3 where there is no cluster that it could ask', () => {
    const missing = join(folder, 'missing');
    for (const [args, message] of [
      [['status'], /no cluster is configured: set KUBECONFIG/],
      [['status', '--kubeconfig', missing], /the kubeconfig .*missing cannot be read/],
      [['status', '--kubeconfig', deadKubeconfig(), '--context', 'other'], /has no context other/],
    ] as const) {
      const { status, stderr } = run(args);
      assert.equal(status, 3, stderr);
      assert.match(stderr, message);
    }
  });
});
