/** Restarts whose write has no effect: a policy refuses it for one validator, or removes the annotation for all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { ourRequests } from '../cluster/audit.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TOKEN = 'stellar.org/peer-restart';
/** Many times the delay after a plain failure: within this time, a refused restart must not be tried again. */
const AHEAD_MS = 6_000;

const API_VERSION = 'admissionregistration.k8s.io/v1';
const HAS_TOKEN = `'${TOKEN}' in object.spec.template.metadata.?annotations.orValue({})`;

/** Match constraints for changes of these StatefulSets of a namespace; of all of them if the list is empty. */
const changesOf = (namespace: string, resourceNames: readonly string[]) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  resourceRules: [
    {
      apiGroups: ['apps'],
      apiVersions: ['v1'],
      resources: ['statefulsets'],
      operations: ['UPDATE'],
      ...(resourceNames.length > 0 ? { resourceNames } : {}),
    },
  ],
});

/** A policy that refuses restarts of validator-1, and of no other. */
const refusing = (namespace: string): object[] => [
  {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: namespace },
    spec: {
      matchConstraints: changesOf(namespace, ['validator-1']),
      validations: [{ expression: `!(${HAS_TOKEN})`, message: 'this one never' }],
    },
  },
  {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: namespace },
    spec: { policyName: namespace, validationActions: ['Deny'] },
  },
];

const REMOVAL = `[JSONPatch{op: "remove", path: "/spec/template/metadata/annotations/${TOKEN.replace('/', '~1')}"}]`;

/** A policy that removes our annotation from templates, and allows the rest of the change. */
const stripping = (namespace: string): object[] => [
  {
    apiVersion: API_VERSION,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: namespace },
    spec: {
      matchConstraints: changesOf(namespace, []),
      matchConditions: [{ name: 'restarts', expression: HAS_TOKEN }],
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: REMOVAL } }],
    },
  },
  {
    apiVersion: API_VERSION,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name: namespace },
    spec: { policyName: namespace },
  },
];

describe('a restart whose annotation does not stay', () => {
  const scene = startedScene(() => sharedScene());

  const kubectl = (args: readonly string[], objects: readonly object[]) =>
    scene.cluster.kubectl([...args, '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));

  /** What happens to the annotation if an administrator restarts validator-1, as a dry run. */
  async function tried({ namespace }: Network): Promise<string> {
    const patch = JSON.stringify({ spec: { template: { metadata: { annotations: { [TOKEN]: 'x' } } } } });
    const args = ['patch', 'statefulset', 'validator-1', '-n', namespace, '--dry-run=server', '-o', 'json'];
    const said = await scene.cluster
      .kubectl([...args, '--type=merge', '-p', patch])
      .catch((error: unknown) => {
        if (String(error).includes('this one never')) return undefined;
        throw error;
      });
    if (said === undefined) return 'refused';
    return said.includes(`"${TOKEN}": "x"`) ? 'stays' : 'stripped';
  }

  /** Three validators that know each other and a fourth that they lack, under a policy that is in force. */
  async function under(policy: readonly object[], namespace: string, effect: string): Promise<Network> {
    const network = await new Network(scene, namespace).foundUpToDate();
    await kubectl(['apply'], policy);
    await until('the policy is in force', async () => (await tried(network)) === effect);
    await network.add('validator-4');
    return network;
  }

  /** Removes the policy, and starts new replicas, because a new leader does not remember the refusals. */
  async function lifted(policy: readonly object[], network: Network): Promise<void> {
    await kubectl(['delete'], policy);
    await until('the policy is gone', async () => (await tried(network)) === 'stays');
    await scene.replicas?.stop();
    await scene.start();
    await network.untilTheyKnow(FOUR);
    await settled(scene);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
    assert.equal(network.mostDown(0), 1);
  }

  async function untilTold({ namespace }: Network, reason: string, names: readonly string[]): Promise<void> {
    await until(`${names.join(', ')} have Events with ${reason}`, async () => {
      const events = await eventsIn(scene.cluster, namespace);
      const told = events.filter((event) => event.reason === reason).map(({ node }) => node);
      return names.every((name) => told.includes(name));
    });
    const series = `stellar_peers_waiting{reason="${reason}"}`;
    const count = () => metricOf(scene.replicas?.replicas ?? [], series);
    await until('the metric counts them', async () => (await count()) === names.length);
  }

  /** Our restart requests and the codes of their answers, without conflicts (409) with other writers. */
  const bumpsOf = async ({ namespace }: Network): Promise<string[]> =>
    ourRequests(await scene.cluster.audit())
      .filter((entry) => entry.resource === 'statefulsets' && entry.namespace === namespace)
      .filter(({ verb, code }) => verb === 'patch' && code !== 409)
      .map(({ name, code }) => `${name} ${code}`);

  it('because a policy refuses it for one validator, causes an Event for that validator, and the others are restarted', async () => {
    const policy = refusing('one-refused');
    const network = await under(policy, 'one-refused', 'refused');
    await network.untilKnown(['validator-2', 'validator-3'], FOUR);
    await settled(scene, { aheadMs: AHEAD_MS });
    network.assertRestarts(FOUR, [0, 1, 1, 0]);
    await untilTold(network, 'RefusedByPolicy', ['validator-1']);
    const events = await eventsIn(scene.cluster, 'one-refused');
    const refusals = events.filter(({ reason }) => reason === 'RefusedByPolicy');
    assert.deepEqual([...new Set(refusals.map(({ node }) => node))], ['validator-1']);
    assert.match(refusals[0]?.note ?? '', /this one never/);
    assert.deepEqual(
      await bumpsOf(network),
      ['validator-1 422', 'validator-2 200', 'validator-3 200'],
      'one request for each validator',
    );
    const entries = (await network.journal()).map(({ statefulSet, outcome }) => [statefulSet, outcome]);
    assert.deepEqual(
      entries,
      ['validator-2', 'validator-3'].map((name) => [`one-refused/${name}`, 'done']),
    );
    await lifted(policy, network);
  });

  it('because a policy removes it, takes no validator down, is tried once for each, and is reported as RestartReverted', async () => {
    const policy = stripping('stripped');
    const network = await under(policy, 'stripped', 'stripped');
    await untilTold(network, 'RestartReverted', THREE);
    await settled(scene, { aheadMs: AHEAD_MS });
    network.assertRestarts(FOUR, [0, 0, 0, 0]);
    assert.equal(network.mostDown(0), 0);
    assert.deepEqual(
      await bumpsOf(network),
      ['validator-1 200', 'validator-2 200', 'validator-3 200'],
      'one request for each validator',
    );
    assert.deepEqual(await network.journal(), []);
    await lifted(policy, network);
  });
});
