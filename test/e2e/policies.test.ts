/**
 * Our additions to a pod never need more than the pod itself, on a real API server: each policy that admits the pod without
 * us also admits it with us, in the same QoS class, and quotas count the same.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { Pods, type Resource, StatefulSets } from '../../runtime/kube/resources.ts';
import { LimitRanges, PolicyBindings, ResourceQuotas, ValidatingPolicies } from '../cluster/resources.ts';
import { createValidator, podNow } from '../cluster/scene.ts';
import { sceneOf, sharedScene } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';
import { POLICY_PODS } from './policy-pods.ts';
import { COUNTED, POLICIES, type Policy } from './policy-table.ts';

/** Pods that are created as a dry run: the answer is the pod as it would be stored. */
const TRIED_PODS: Resource = { ...Pods, plural: `${Pods.plural}?dryRun=All` };
const OPTED_OUT = { 'stellar.org/peer-injection': 'disabled' };
const namespaceOf = (policy: Policy): string => `policy-${POLICIES.indexOf(policy)}`;

const classOf = (pod: KubeObject): unknown => (pod.status as { qosClass?: string }).qosClass;
const kindOf = ({ apiVersion, kind }: Resource) => ({ apiVersion, kind });
const isMerged = ({ spec }: KubeObject): boolean => {
  const { initContainers = [] } = spec as { initContainers?: ReadonlyArray<{ readonly name: string }> };
  return initContainers.some(({ name }) => name === 'stellar-peers-config');
};
/** A pod as it would be stored, or why it is refused. */
type Tried = KubeObject | string;

/** The fault of `ours`, the pod with our additions, compared with `own`, the pod without them. */
function faultOf(own: KubeObject, ours: Tried): string | undefined {
  if (typeof ours === 'string') return ours;
  if (!isMerged(ours)) return 'the configuration is not merged';
  return classOf(own) === classOf(ours) ? undefined : `${classOf(own)} became ${classOf(ours)}`;
}

describe('on a real API server', () => {
  const scene = sceneOf(() => sharedScene({ replicas: 1, env: { PEER_RELOAD: 'auto' } }));
  type Tables = (typeof POLICY_PODS)[number];
  const tried = async (pod: Tables, namespace: string, annotations: object = {}): Promise<Tried> => {
    const metadata = {
      ...pod.metadata,
      namespace,
      labels: { 'stellar.org/node-type': 'Validator' },
      annotations: { ...pod.metadata.annotations, ...annotations },
      ownerReferences: [{ ...kindOf(StatefulSets), name: 'v', uid: `uid-of-${namespace}`, controller: true }],
    };
    try {
      return await scene.cluster.admin.create(TRIED_PODS, { ...kindOf(Pods), metadata, spec: pod.spec });
    } catch (error) {
      if (error instanceof KubeError && [403, 422].includes(error.status)) return error.message;
      throw error;
    }
  };
  const make = (resource: Resource, metadata: KubeObject['metadata'], spec: object) =>
    scene.cluster.admin.create(resource, { ...kindOf(resource), metadata, spec });
  /** Makes a namespace under the policy, with a validator that has its own network. */
  const enforce = async (policy: Omit<Policy, 'title'>, namespace: string, spec: object = {}) => {
    const { labels, limits = [], quotas = [], rule } = policy;
    await scene.cluster.createNamespace(namespace, labels);
    if (limits.length > 0) await make(LimitRanges, { name: 'limits', namespace }, { limits });
    for (const [index, quota] of quotas.entries())
      await make(ResourceQuotas, { name: `quota-${index}`, namespace }, quota);
    if (rule) await enforceRule(rule, namespace);
    await createValidator(scene, 'v', { namespace, spec: { ...spec, customNetworkPassphrase: namespace } });
  };
  const enforceRule = async (expression: string, namespace: string) => {
    const metadata = { name: `test-${namespace}` };
    const inits = '(has(object.spec.initContainers) ? object.spec.initContainers : [])';
    const pods = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] };
    await make(ValidatingPolicies, metadata, {
      matchConstraints: { resourceRules: [pods] },
      variables: [
        { name: 'all', expression: `object.spec.containers + ${inits}` },
        { name: 'maps', expression: 'object.spec.volumes.filter(v, has(v.configMap)).map(v, v.name)' },
      ],
      validations: [{ expression }],
    });
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
    await make(PolicyBindings, metadata, {
      ...{ policyName: metadata.name, validationActions: ['Deny'] },
      matchResources: { namespaceSelector },
    });
  };
  /** What the quotas of a namespace count, once its validator's pod is there. */
  const countedIn = (namespace: string) =>
    until(`the pod in ${namespace} is counted`, async () => {
      const pod = await podNow(scene, 'v-0', namespace);
      const { items } = await scene.cluster.admin.list(ResourceQuotas, { namespace });
      const used = items.map(({ status }) => (status as { used?: { pods?: string } } | undefined)?.used);
      return pod && used.some((each) => each?.pods === '1') ? { pod, used } : undefined;
    });

  before(async () => {
    await scene.start();
    // In maintenance, a validator gets no pods from its operator: the test only tries pods as dry runs.
    const spec = { maintenanceMode: true };
    await Promise.all(POLICIES.map((policy) => enforce(policy, namespaceOf(policy), spec)));
  });

  describe('a pod that is admitted without us is also admitted with us, in the same QoS class, under', () => {
    for (const policy of POLICIES) {
      it(policy.title, async () => {
        const namespace = namespaceOf(policy);
        const withoutUs = () => Promise.all(POLICY_PODS.map((pod) => tried(pod, namespace, OPTED_OUT)));
        const before = await until(
          'the policy is in force, and stellar-peers knows the validator',
          async () => {
            const results = await withoutUs();
            const admitted = POLICY_PODS.filter((_, index) => typeof results[index] !== 'string');
            const [pod] = admitted;
            assert.ok(pod, String(results[0]));
            assert.equal(admitted.length === POLICY_PODS.length, policy.admitsAll ?? false, String(results));
            const ours = await tried(pod, namespace);
            return typeof ours === 'string' || isMerged(ours) ? results : undefined;
          },
        );
        const faults = await Promise.all(
          POLICY_PODS.map(async (pod, index) => {
            const own = before[index];
            if (own === undefined || typeof own === 'string') return [];
            const fault = faultOf(own, await tried(pod, namespace));
            return fault === undefined ? [] : `${fault}\n  ${JSON.stringify(pod)}`;
          }),
        );
        assert.deepEqual(faults.flat(), []);
      });
    }
  });

  for (const [index, policy] of COUNTED.entries()) {
    it(`${policy.title} counts a stored pod as it does without us`, async () => {
      const [withUs, bare] = [`counted-${index}`, `counted-bare-${index}`];
      await enforce(policy, withUs);
      await enforce({ ...policy, labels: OPTED_OUT }, bare);
      const [ours, own] = await Promise.all([countedIn(withUs), countedIn(bare)]);
      assert.deepEqual([isMerged(ours.pod), isMerged(own.pod)], [true, false]);
      assert.deepEqual(ours.used, own.used);
      assert.equal(classOf(ours.pod), classOf(own.pod));
    });
  }
});
