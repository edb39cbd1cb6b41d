/** The chart on a real API server with validators: it replaces the manifests, is tested, upgraded, removed and installed. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Deployment } from '../../cluster/deployment.ts';
import { installManifests } from '../../cluster/install.ts';
import { Network } from '../../cluster/network.ts';
import { createScene, type Scene } from '../../cluster/scene.ts';
import { settled, untilWorkloadsRest } from '../../cluster/settled.ts';
import { statusOf } from '../../cluster/told.ts';
import { tracesOf } from '../../cluster/traces.ts';
import { caBundleDuring } from '../trusted.ts';
import { CHART, helm, helmOutputs, objectsIn, ROOT } from './helm.ts';

const PREVIOUS = readFileSync(join(ROOT, 'test/e2e/fixtures/previous-release.yaml'), 'utf8');
/** A former chart that people may have installed: `git archive 98c8e9d:charts stellar-peers`. */
const FORMER_CHART = join(import.meta.dirname, 'fixtures/chart-98c8e9d.tgz');
const THREE = ['validator-1', 'validator-2', 'validator-3'];

/** The chart with the webhook reached by URL, since there is no kube-proxy. */
function chartFor(webhookUrl: string, folder: string): string {
  const file = join(folder, 'templates/webhook.yaml');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace(/clientConfig:\n( {6}.*\n)+/, `clientConfig:\n      url: ${webhookUrl}\n`);
  assert.notEqual(changed, text);
  writeFileSync(file, changed);
  return folder;
}

/** The exit code of a program that Node runs. */
const runs = (program: string, url: string): Promise<number> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH ?? '', WEBHOOK_URL: url };
    execFile(process.execPath, ['--eval', program], { env }, (error) => resolve(Number(error?.code ?? 0)));
  });

/** These tests depend on each other and run in this order. */
describe('the chart under running validators', () => {
  let scene: Scene;
  let deployment: Deployment;
  let network: Network;
  let chart: string;
  let former: string;
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-chart-'));

  /** The flags for helm to act on the release. */
  const flagsOf = () => ['-n', 'stellar-peers', '--kubeconfig', scene.cluster.kubeconfigPath];
  const onRelease = (command: string, ...args: readonly string[]) =>
    helm(...command.split(' '), 'stellar-peers', ...flagsOf(), ...args);
  const assertNoRestart = () =>
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 });
  const untilSettled = () => settled({ cluster: scene.cluster, replicas: { replicas: deployment.running } });
  /** Calls `work`, then replaces the replicas. Asserts that no validator is restarted and that caBundle is never empty. */
  async function quietly(work: () => Promise<unknown>): Promise<void> {
    const states = await caBundleDuring(scene.cluster, async () => {
      await work();
      await deployment.roll();
      await untilSettled();
    });
    assert.ok(!states.includes(0), `CAs in caBundle: ${states}`);
    assertNoRestart();
    await assertCurrent();
  }
  async function assertCurrent(): Promise<void> {
    const status = await statusOf(scene.cluster);
    for (const name of THREE) assert.match(status, new RegExp(`${name} .* Current`));
  }

  before(async () => {
    scene = await createScene();
    cpSync(CHART, join(folder, 'now/stellar-peers'), { recursive: true });
    chart = chartFor(scene.webhookUrl, join(folder, 'now/stellar-peers'));
    execFileSync('tar', ['-xzf', FORMER_CHART, '-C', folder]);
    former = chartFor(scene.webhookUrl, join(folder, 'stellar-peers'));
    deployment = new Deployment(scene);
    network = new Network(scene, 'stellar');
    await installManifests(scene.cluster, { webhookUrl: scene.webhookUrl, rendered: PREVIOUS, flags: [] });
    await deployment.roll();
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
    assertNoRestart();
  });
  after(async () => {
    await scene?.stop();
    rmSync(folder, { recursive: true });
  });

  it('takes over the objects of the manifests of the previous release', async () => {
    const flags = ['--take-ownership', '--force-conflicts', '--set', 'replicas=0'];
    await quietly(() => onRelease('install', chart, ...flags));
  });

  it('has a test that passes while the webhook answers, and fails when it does not', async () => {
    const [pod] = objectsIn(await onRelease('get hooks'));
    assert.equal(pod?.metadata.name, 'stellar-peers-test');
    const { containers } = pod.spec as { containers: Array<{ args: string[] }> };
    const program = containers[0]?.args[0] ?? '';
    assert.equal(await runs(program, scene.webhookUrl), 0);
    assert.equal(await runs(program, scene.webhookUrl.replace('mutate-pods', 'elsewhere')), 1);
    assert.equal(await runs(program, 'https://127.0.0.1:1/mutate-pods'), 1);
  });

  it('keeps caBundle when it is upgraded with another setting, and restarts no validator', async () => {
    const flags = ['--reset-then-reuse-values', '--set', 'settings.RESYNC_SECONDS=600'];
    await quietly(() => onRelease('upgrade', chart, ...flags));
    const env = await scene.cluster.kubectl([
      ...['-n', 'stellar-peers', 'get', 'deployment', 'stellar-peers', '-o'],
      'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="RESYNC_SECONDS")].value}',
    ]);
    assert.equal(env, '600');
  });

  it('is removed without a restart, and leaves the objects that the documents name', async () => {
    await Promise.all([onRelease('uninstall'), deployment.end()]);
    await untilWorkloadsRest(scene.cluster);
    assertNoRestart();
    // Objects that Kubernetes makes in each namespace, or derives from other objects.
    const others = /^(Event|EndpointSlice|ControllerRevision) |\/(default|kube-root-ca\.crt)$/;
    const traces = (await tracesOf(scene.cluster)).filter((trace) => !others.test(trace));
    assert.deepEqual(
      traces,
      [
        'Namespace /stellar-peers',
        'ConfigMap stellar-peers/stellar-peers',
        'Lease stellar-peers/stellar-peers',
        'Secret stellar-peers/stellar-peers-webhook-cert',
        'ConfigMap stellar/stellar-peers',
        ...THREE.flatMap((name) => [`Service stellar/${name}-headless`, `Pod stellar/${name}-0`]),
      ].sort(),
    );
    await scene.cluster.kubectl(['delete', 'namespace', 'stellar-peers']);
    assertNoRestart();
  });

  it('is installed into a cluster without it, and restarts no validator', async () => {
    await onRelease('install', chart, '--create-namespace', '--set', 'replicas=0');
    await deployment.roll();
    await untilSettled();
    assertNoRestart();
    await assertCurrent();
  });

  it('is upgraded from the chart of 98c8e9d, and keeps its selectors and its number of replicas', async () => {
    const specs = async (path: string) => {
      const kinds = 'deployment,service,poddisruptionbudget';
      return scene.cluster.kubectl(['-n', 'stellar-peers', 'get', kinds, '-o', `jsonpath=${path}`]);
    };
    await Promise.all([onRelease('uninstall'), deployment.end()]);
    await untilWorkloadsRest(scene.cluster);
    await onRelease('install', former, '--set', 'replicas=0');
    const selectors = await specs('{.items[*].spec.selector}');
    await onRelease('upgrade', chart, '--reset-then-reuse-values');
    assert.equal(await specs('{.items[*].spec.selector}'), selectors);
    assert.equal(await specs('{.items[?(@.kind=="Deployment")].spec.replicas}'), '0');
    assert.match(await specs('{.items[*].metadata.labels}'), /"helm\.sh\/chart":"stellar-peers-/);
    await deployment.roll();
    await untilSettled();
    assertNoRestart();
    await assertCurrent();
  });

  it('removes the webhook configuration before the Deployment', async () => {
    const { stderr } = await helmOutputs(['uninstall', 'stellar-peers', ...flagsOf(), '--debug']);
    const order = [...stderr.matchAll(/msg="starting delete resource".* kind=(\w+)/g)].map(
      ([, kind]) => kind,
    );
    assert.equal(order[0], 'MutatingWebhookConfiguration', stderr);
    assert.ok(order.includes('Deployment'));
  });
});
