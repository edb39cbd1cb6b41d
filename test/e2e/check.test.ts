/** `stellar-peers check` on the real API server: before the install, after it, and with one thing broken at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../../cli/check/check.ts';
import {
  ConfigMaps,
  Deployments,
  MutatingWebhookConfigurations,
  type ObjectRef,
  Pods,
  type Resource,
} from '../../runtime/kube/resources.ts';
import { runCommand } from '../cluster/command.ts';
import { Network, THREE } from '../cluster/network.ts';
import { NetworkPolicies } from '../cluster/resources.ts';
import { createScene } from '../cluster/scene.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';

const NAMESPACE = 'checked';
const CORE = { 'stellar.org/node-type': 'Validator' };
const HOME = 'stellar-peers';
/** The Lease outlives the killed leader until the test has looked at it. ROLL_BELOW=2: one more validator restarts none. */
const ENV = { LEASE_DURATION_SECONDS: '300', ROLL_BELOW: '2' };

const kind = (apiVersion: string, name: string, plural: string): Resource => ({
  apiVersion,
  kind: name,
  plural,
});

const ONE_RESTART = /^warning: 1 restart, .*: checked\/validator-1$/;
const NOT_CURRENT = /^problem: missing, or not current: ConfigMap checked\/stellar-peers$/;
const WITHOUT_PEERS = /^warning: checked\/validator-1-0, the newest pod, was created without its peers$/;

/** The findings of check for an empty caBundle, after a pod was created without its peers. */
const WITHOUT_CA = {
  code: 1,
  'webhook-certificate': /^problem: caBundle is empty, so the API server trusts no answer of ours$/,
  'webhook-answers': WITHOUT_PEERS,
};

/** These tests depend on each other and run in this order. */
describe('check', () => {
  const scene = sceneOf(() => createScene({ env: ENV }));
  const network = new Network(scene, NAMESPACE);

  /** The findings that are not ok, by id, and the exit code. */
  const findings = async (...args: string[]): Promise<Record<string, string | number>> => {
    const { code, stdout, stderr } = await runCommand(scene.cluster, ['check', '-o', 'json', ...args]);
    assert.notEqual(stdout, '', stderr);
    const { checks } = JSON.parse(stdout) as { checks: Finding[] };
    const bad = checks.filter(({ verdict }) => verdict !== 'ok');
    return { code, ...Object.fromEntries(bad.map(({ id, verdict, found }) => [id, `${verdict}: ${found}`])) };
  };
  /** Waits for exactly these findings, because caches and controllers see a change a moment later. */
  const untilSays = (expected: Readonly<Record<string, RegExp | number>>, args: readonly string[] = []) =>
    until(
      `check says ${Object.keys(expected).join(', ')}`,
      async () => {
        const found = await findings(...args);
        assert.deepEqual(Object.keys(found), Object.keys(expected), JSON.stringify(found));
        for (const [id, wanted] of Object.entries(expected)) {
          if (wanted instanceof RegExp) assert.match(String(found[id]), wanted);
          else assert.equal(found[id], wanted);
        }
        return true;
      },
      { deadlineMs: 30_000 },
    );
  const make = (resource: Resource, name: string, spec: object) =>
    scene.cluster.admin.create(resource, {
      apiVersion: resource.apiVersion,
      kind: resource.kind,
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
  const remove = (resource: Resource, name: string) =>
    scene.cluster.admin.delete({ resource, namespace: NAMESPACE, name }, {});
  /** Deletes an object. Returns a function that creates the same object again. */
  const deleted = async (ref: ObjectRef): Promise<() => Promise<unknown>> => {
    const { admin } = scene.cluster;
    const found = await admin.get(ref);
    assert.ok(found, ref.name);
    await admin.delete(ref, {});
    const { name, labels } = found.metadata;
    const metadata = {
      name,
      ...(labels ? { labels } : {}),
      ...(ref.namespace ? { namespace: ref.namespace } : {}),
    };
    return () => admin.create(ref.resource, { ...found, metadata });
  };
  const podsIn = async (namespace: string): Promise<string[]> =>
    (await scene.cluster.admin.list(Pods, { namespace })).items
      .map(({ metadata }) => String(metadata.uid))
      .sort();

  it('finds no problem with --pre before the install, and without --pre no installation', async () => {
    assert.deepEqual(await findings('--pre'), { code: 0 });
    const found = await findings();
    assert.equal(found.code, 1);
    assert.match(found.deployment as string, /^problem: there is no Deployment stellar-peers/);
    assert.match(found['webhook-configuration'] as string, /^problem: there is no webhook/);
  });

  it('finds no problem after the install, with validators', async () => {
    await scene.start();
    await scene.cluster.kubectl(['-n', HOME, 'scale', 'deployment', HOME, '--replicas=2']);
    await until('the Deployment is ready', async () => {
      const found = await scene.cluster.admin.get({ resource: Deployments, namespace: HOME, name: HOME });
      return (found?.status as { readyReplicas?: number } | undefined)?.readyReplicas === 2;
    });
    await network.foundUpToDate();
    await untilSays({ code: 0 });
    const { stdout, code } = await runCommand(scene.cluster, ['check']);
    assert.equal(code, 0);
    assert.match(stdout, /✓ answer +checked\/validator-\d-0, the newest pod, was created with its peers\n/);
    assert.match(stdout, /\n17 ok\.\n$/);
  });

  it('creates no pod', async () => {
    const pods = await podsIn(NAMESPACE);
    assert.deepEqual(await findings(), { code: 0 });
    assert.deepEqual(await podsIn(NAMESPACE), pods);
  });

  it('counts the restarts that a setting would cause, and restarts no validator', async () => {
    await network.add('validator-4');
    await network.untilReady(['validator-4']);
    await untilSays({ code: 0 });
    await untilSays(
      {
        code: 0,
        restarts:
          /^warning: 3 restarts, .*: checked\/validator-1, checked\/validator-2, checked\/validator-3$/,
      },
      ['--set', 'ROLL_BELOW=all'],
    );
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 });
  });

  it('names a NetworkPolicy that applies to validators, and says what to look at', async () => {
    await make(NetworkPolicies, 'fence', { podSelector: { matchLabels: CORE } });
    await untilSays({
      code: 0,
      'network-policies': /^skipped: checked\/fence: see that the rules let TCP 11625/,
    });
    await remove(NetworkPolicies, 'fence');
    await untilSays({ code: 0 });
  });

  it('finds a policy that was taken away', async () => {
    const bound = kind(
      'admissionregistration.k8s.io/v1',
      'ValidatingAdmissionPolicyBinding',
      'validatingadmissionpolicybindings',
    );
    const giveBackPolicy = await deleted({ resource: bound, name: 'stellar-peers-pods' });
    await untilSays({
      code: 1,
      'admission-policies': /^problem: not bound with action Deny: stellar-peers-pods$/,
    });
    await giveBackPolicy();
    await untilSays({ code: 0 });
  });

  it('skips checks of objects that the caller may not read, and names the missing right', async () => {
    const path = await scene.cluster.serviceAccountKubeconfig('default', 'default');
    const { stdout, code } = await runCommand({ kubeconfigPath: path }, ['check']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /- replicas +you may not get resource "deployments" in API group "apps" in the namespace "stellar-peers"\n/,
    );
    assert.match(stdout, /✓ API server +v1\./);
    assert.match(stdout, /\n\d ok, \d+ skipped\.\n$/);
  });

  it('finds a webhook that is down after the next pod was created', async () => {
    for (const replica of scene.replicas?.replicas ?? []) replica.kill('SIGKILL');
    await network.deletePod('validator-1');
    await untilSays({ code: 0, 'webhook-answers': WITHOUT_PEERS, restarts: ONE_RESTART });
  });

  it('finds an empty caBundle, and skips the checks that depend on it', async () => {
    const ref = { resource: MutatingWebhookConfigurations, name: HOME };
    await scene.cluster.admin.patch(ref, [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
    await untilSays({ ...WITHOUT_CA, restarts: ONE_RESTART });
  });

  it('finds a ConfigMap that is missing or has wrong content', async () => {
    const ref = { resource: ConfigMaps, namespace: NAMESPACE, name: 'stellar-peers' };
    await scene.cluster.kubectl([
      ...['-n', NAMESPACE, 'patch', 'configmap', 'stellar-peers', '--type=merge'],
      ...['-p', JSON.stringify({ data: { 'validator-1.peers.txt': 'stranger:1' } })],
    ]);
    await untilSays({ ...WITHOUT_CA, published: NOT_CURRENT, restarts: ONE_RESTART });
    await scene.cluster.admin.delete(ref, {});
    await untilSays({ ...WITHOUT_CA, published: NOT_CURRENT, restarts: ONE_RESTART });
  });

  it('exits with 3 if no server answers, and with 2 for an unknown setting', async () => {
    const nowhere = await runCommand(scene.cluster, ['check', '--set', 'NO=1']);
    assert.equal(nowhere.code, 2);
    await scene.stop();
    const { code, stdout } = await runCommand(scene.cluster, ['check']);
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
  });
});
