/** status, explain, pause, resume and cleanup on a real API server, as a person runs them. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Explained } from '../../cli/commands/explanation.ts';
import type { StatusReport } from '../../cli/commands/status-report.ts';
import {
  ConfigMaps,
  Deployments,
  MutatingWebhookConfigurations,
  Services,
} from '../../runtime/kube/resources.ts';
import { runCommand } from '../cluster/command.ts';
import { binary } from '../cluster/control-plane.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { createScene } from '../cluster/scene.ts';
import { startedScene } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'stellar';
const OWN = 'stellar-peers';
const ROLLOUT = 'stellar.org/peer-rollout';

/** These tests depend on each other and run in this order: a network runs, is paused, grows, and we are uninstalled. */
describe('the command on a real API server', () => {
  const scene = startedScene(() => createScene());
  const network = new Network(scene, NAMESPACE);

  const command = (...args: string[]) => runCommand(scene.cluster, args);
  const statusNow = async (): Promise<StatusReport> => {
    const { code, stdout, stderr } = await command('status', '-o', 'json');
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout) as StatusReport;
  };
  const explained = async (name: string): Promise<Explained> => {
    const { code, stdout } = await command('explain', name, '-n', NAMESPACE, '-o', 'json');
    assert.equal(code, 0);
    return JSON.parse(stdout) as Explained;
  };
  const configMap = (namespace: string, name = OWN) =>
    scene.cluster.admin.get({ resource: ConfigMaps, namespace, name });

  before(() => network.foundUpToDate());

  it('status counts the existing validators, by the settings of the Deployment and not of the caller', async () => {
    const { networks, validators, rollout } = await statusNow();
    assert.equal(rollout, null);
    const [found] = networks;
    assert.deepEqual(found?.validators, { count: 3, of: 3 });
    assert.deepEqual(
      [found?.peers.known, found?.peers.live],
      [
        { count: 6, of: 6 },
        { count: 3, of: 3 },
      ],
    );
    assert.deepEqual(
      validators.map(({ name, state }) => `${name} ${state}`),
      THREE.map((name) => `${name} Current`),
    );
    // With the environment's WATCH_NAMESPACES no validator would be seen.
    const elsewhere = await runCommand(scene.cluster, ['status'], { WATCH_NAMESPACES: 'elsewhere' });
    assert.match(elsewhere.stdout, /validator-3 .* Current/);
    const none = await command('status', '-n', 'elsewhere');
    assert.deepEqual([none.code, none.stdout], [0, 'No validators found.\n']);
  });

  it('-l shows the validators that the API server selects by labels, and an unreadable selector is wrong usage', async () => {
    const label = (text: string) =>
      scene.cluster.kubectl(['-n', NAMESPACE, 'label', 'stellarnode', 'validator-1', text]);
    await label('tier=core');
    const shown = async (selector: string) => {
      const { stdout } = await command('status', '-o', 'json', '-l', selector);
      return (JSON.parse(stdout) as StatusReport).validators.map(({ name }) => name);
    };
    assert.deepEqual(await shown('tier=core'), ['validator-1']);
    assert.deepEqual(await shown('tier in (core,edge)'), ['validator-1']);
    assert.deepEqual(await shown('!tier'), ['validator-2', 'validator-3']);
    await label('tier-');
    for (const words of [['status'], ['rollout', 'plan']]) {
      const { code, stdout, stderr } = await command(...words, '-l', 'tier in core');
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^stellar-peers: -l takes .*, not tier in core \(.*found 'core'.*\)\n/);
    }
  });

  it('runs as a kubectl plugin: kubectl stellar-peers', async () => {
    const PATH = [join(ROOT, 'bin'), dirname(process.execPath), process.env.PATH ?? ''].join(':');
    const args = ['stellar-peers', 'status', '--kubeconfig', scene.cluster.kubeconfigPath];
    const { stdout } = await promisify(execFile)(binary('kubectl'), args, { env: { PATH } });
    assert.equal(stdout, (await command('status')).stdout);
  });

  it('says which settings it uses if it finds no Deployment', async () => {
    const { code, stderr } = await command('status', '--install-namespace', 'default');
    assert.equal(code, 0);
    assert.match(
      stderr,
      /^There is no Deployment default\/stellar-peers, so this command uses the settings of/,
    );
  });

  it('explain shows the peers that a validator started with, and why it is not restarted', async () => {
    const { found, pods, view, decision, injection } = await explained('validator-1');
    assert.deepEqual([found, decision.kind, injection?.injects], ['peer', 'nothing', true]);
    assert.equal(pods[0]?.stamp?.hash, view?.published?.hash);
    assert.deepEqual(
      view?.peers.map(({ validator, runs }) => [validator, runs]),
      [
        [`${NAMESPACE}/validator-2`, true],
        [`${NAMESPACE}/validator-3`, true],
      ],
    );
    const unknown = await command('explain', 'absent', '-n', NAMESPACE);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no such validator: stellar\/absent/);
  });

  it('pause asks for confirmation and then holds; status -w on a pipe shows each change as it comes', async () => {
    const unasked = await command('pause');
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /we restart none of 3 validators \(.*\) before you resume it.*use --yes/s);
    assert.equal((await configMap(OWN))?.metadata.annotations?.[ROLLOUT], undefined);
    const args = ['main.ts', 'status', '-w', '--kubeconfig', scene.cluster.kubeconfigPath];
    const watching = spawn(process.execPath, args, { cwd: ROOT });
    const ended = new Promise<number | null>((resolve) => watching.once('exit', resolve));
    let shown = '';
    watching.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    await until('the first block is there', () => shown.includes('validator-3'));
    const { code, stdout } = await command('pause', '--yes');
    assert.deepEqual([code, stdout], [0, 'ConfigMap stellar-peers/stellar-peers paused\n']);
    await network.add('validator-4');
    await network.untilReady(FOUR);
    await until('status, watched, says Paused', () => /validator-1 .* Paused\n/.test(shown));
    watching.kill('SIGINT');
    assert.equal(await ended, 0);
    assert.match(shown, /validator-3 .* Current\n\n.*Everywhere: stellar\.org\/peer-rollout=paused/s);
    const { rollout, networks } = await statusNow();
    assert.deepEqual([rollout, networks[0]?.waiting], ['paused', 3]);
    const { pods, decision } = await explained('validator-1');
    assert.equal(pods[0]?.lacks, 'short');
    assert.equal(decision.kind === 'wait' && decision.reason.code, 'Paused');
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    const again = await command('pause', '--yes');
    assert.deepEqual([again.code, again.stdout], [0, '']);
    assert.match(again.stderr, /is paused already/);
  });

  it('resume names the validators that will be restarted, and these are restarted', async () => {
    const { code, stdout, stderr } = await command('resume', '--yes');
    assert.deepEqual([code, stdout], [0, 'ConfigMap stellar-peers/stellar-peers resumed\n']);
    assert.match(
      stderr,
      /To be restarted then: stellar\/validator-1, stellar\/validator-2, stellar\/validator-3\./,
    );
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
    const { journal } = await explained('validator-1');
    assert.equal(journal.length, 1);
    assert.equal(journal[0]?.kind, 'bump');
  });

  it('pauses and resumes a namespace, and single validators', async () => {
    for (const [args, title] of [
      [['-n', NAMESPACE], 'Namespace stellar'],
      [['validator-1', 'validator-2', '-n', NAMESPACE], 'StellarNode stellar/validator-2'],
    ] as const) {
      const paused = await command('pause', ...args, '--yes');
      assert.ok(paused.stdout.includes(`${title} paused\n`), paused.stdout);
      const resumed = await command('resume', ...args, '--yes');
      assert.ok(resumed.stdout.includes(`${title} resumed\n`), resumed.stdout);
    }
    const { code, stderr } = await command('pause', 'absent', '-n', NAMESPACE, '--yes');
    assert.deepEqual([code, /no such validator: stellar\/absent/.test(stderr)], [1, true]);
  });

  it('cleanup refuses while we are installed, and then removes our ConfigMaps and nothing else', async () => {
    const refused = await command('cleanup', '--yes');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /MutatingWebhookConfiguration stellar-peers is still there and Deployment .* --force/,
    );
    assert.ok(await configMap(NAMESPACE));
    await scene.replicas?.stop();
    await scene.cluster.kubectl(['delete', 'mutatingwebhookconfiguration', OWN]);
    await scene.cluster.kubectl(['-n', OWN, 'delete', 'deployment', OWN]);
    for (const ref of [
      { resource: MutatingWebhookConfigurations, name: OWN },
      { resource: Deployments, namespace: OWN, name: OWN },
    ])
      await until(`${ref.name} is gone`, async () => (await scene.cluster.admin.get(ref)) === undefined);
    const services = (await scene.cluster.admin.list(Services, { namespace: NAMESPACE })).items.length;
    const before = network.restarts(FOUR);
    const { code, stdout, stderr } = await command('cleanup', '--yes');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /4 running pods mount one of them/);
    assert.deepEqual(stdout.trim().split('\n').sort(), [
      'ConfigMap stellar-peers/stellar-peers removed',
      'ConfigMap stellar-peers/stellar-peers-restarts removed',
      'ConfigMap stellar/stellar-peers removed',
    ]);
    for (const [namespace, name] of [
      [NAMESPACE, OWN],
      [OWN, OWN],
      [OWN, 'stellar-peers-restarts'],
    ] as const)
      assert.equal(await configMap(namespace, name), undefined);
    assert.equal((await scene.cluster.admin.list(Services, { namespace: NAMESPACE })).items.length, services);
    assert.deepEqual(network.restarts(FOUR), before);
    const again = await command('cleanup', '--yes');
    assert.deepEqual([again.code, again.stdout], [0, '']);
    assert.match(again.stderr, /There is nothing to remove\./);
  });
});
