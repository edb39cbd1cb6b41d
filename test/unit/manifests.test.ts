/**
 * The promises of manifests, examples and pages, as far as their text shows them. Tests of the manifests on an
 * API server are in test/e2e.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { readSettings } from '../../app/settings.ts';
import { SETTINGS } from '../../app/settings-table.ts';
import { discover } from '../../peers/discovery/discover.ts';
import { type Fields, fieldsOf, listOf, stringsOf, textOf } from '../../peers/field.ts';
import { OPT_OUT_EXPRESSION } from '../../peers/injection/selectors.ts';
import {
  ANNOTATION_PEER_FENCE,
  ANNOTATION_PEER_RESTART,
  CERT_SECRET,
  EXTERNAL_CONFIGMAP,
  INJECTION,
  INJECTION_DISABLED,
  JOURNAL_CONFIGMAP,
  LABEL_NODE_TYPE,
  LEADER_LEASE,
  NODE_TYPE_VALIDATOR,
  nodeKeys,
  PEERS_CONFIGMAP,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_ENTRY,
  WEBHOOK_PATH,
  WEBHOOK_SERVICE,
} from '../../peers/names.ts';
import { readNode } from '../../peers/read/stellar-node.ts';
import { overviewData } from '../../reconciler/plan/publish/overview.ts';
import { EVIDENCE_KEY } from '../../reconciler/plan/signals/evidence.ts';
import { worldWith } from './world.ts';

const ROOT = join(import.meta.dirname, '../..');
const BASE = join(ROOT, 'manifests/base');
const NAMESPACE = SETTINGS.namespace.fallback;

/** All objects of a YAML file; fails where it is not valid YAML. */
function objectsIn(path: string): Fields[] {
  const documents = parseAllDocuments(readFileSync(path, 'utf8'));
  assert.deepEqual(
    documents.flatMap(({ errors }) => errors.map(({ message }) => message)),
    [],
    path,
  );
  return documents.map((document) => fieldsOf(document.toJS()));
}

const yamlIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name));

const at = (object: unknown, ...path: string[]): Fields =>
  path.reduce((fields, key) => fieldsOf(fields[key]), fieldsOf(object));
const nameOf = (object: Fields): string => textOf(at(object, 'metadata').name) ?? '';

const kustomization = objectsIn(join(BASE, 'kustomization.yaml'))[0] ?? {};
const manifests = yamlIn(BASE)
  .filter((path) => !path.endsWith('kustomization.yaml'))
  .flatMap(objectsIn);
const ofKind = (kind: string): Fields[] => manifests.filter((object) => object.kind === kind);
function only(kind: string): Fields {
  const [object, ...others] = ofKind(kind);
  assert.ok(object && others.length === 0, `expected one ${kind}`);
  return object;
}

const SERVICES = [WEBHOOK_SERVICE, 'stellar-peers-status'];

function serviceNamed(name: string): Fields {
  const services = ofKind('Service');
  assert.deepEqual(services.map(nameOf), SERVICES);
  return services.find((service) => nameOf(service) === name) ?? assert.fail(name);
}

describe('the manifests', () => {
  it('are all part of the kustomization', () => {
    const files = readdirSync(BASE).filter((name) => name !== 'kustomization.yaml');
    assert.deepEqual([...(kustomization.resources as string[])].sort(), files.sort());
  });

  it('are in the namespace that the settings expect', () => {
    assert.equal(kustomization.namespace, undefined);
    assert.equal(nameOf(only('Namespace')), NAMESPACE);
    const clusterScoped = [
      'Namespace',
      'ClusterRole',
      'ClusterRoleBinding',
      'MutatingWebhookConfiguration',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ];
    for (const object of manifests) {
      const expected = clusterScoped.includes(String(object.kind)) ? undefined : NAMESPACE;
      assert.equal(at(object, 'metadata').namespace, expected, `${object.kind} ${nameOf(object)}`);
    }
  });

  it('hold their pods to Pod Security restricted', () => {
    const labels = stringsOf(at(only('Namespace'), 'metadata').labels);
    assert.equal(labels['pod-security.kubernetes.io/enforce'], 'restricted');
  });

  it('bind the roles to the ServiceAccount of the Deployment', () => {
    const account = nameOf(only('ServiceAccount'));
    assert.equal(at(only('Deployment'), 'spec', 'template', 'spec').serviceAccountName, account);
    for (const [bindingKind, roleKind] of [
      ['RoleBinding', 'Role'],
      ['ClusterRoleBinding', 'ClusterRole'],
    ] as const) {
      const binding = only(bindingKind);
      const role = { apiGroup: 'rbac.authorization.k8s.io', kind: roleKind, name: nameOf(only(roleKind)) };
      assert.deepEqual(binding.roleRef, role);
      assert.deepEqual(binding.subjects, [{ kind: 'ServiceAccount', name: account, namespace: NAMESPACE }]);
    }
  });
});

describe('the webhook configuration', () => {
  const configuration = only('MutatingWebhookConfiguration');
  const webhooks = listOf(configuration.webhooks);
  const webhook = webhooks[0] ?? {};

  it('has the names that the code expects', () => {
    assert.equal(nameOf(configuration), WEBHOOK_CONFIGURATION);
    assert.deepEqual(
      webhooks.map(({ name }) => name),
      [WEBHOOK_ENTRY],
    );
    const { port, ...service } = at(webhook, 'clientConfig', 'service');
    assert.deepEqual(service, { namespace: NAMESPACE, name: WEBHOOK_SERVICE, path: WEBHOOK_PATH });
    assert.deepEqual(
      listOf(at(serviceNamed(WEBHOOK_SERVICE), 'spec').ports).map((each) => each.port),
      [port],
    );
  });

  it('lets pods start when we are down, waits 5 s at most, and has no side effects', () => {
    assert.equal(webhook.failurePolicy, 'Ignore');
    assert.equal(webhook.sideEffects, 'None');
    assert.equal(webhook.timeoutSeconds, 5);
    assert.equal(webhook.reinvocationPolicy, 'IfNeeded');
    assert.deepEqual(webhook.admissionReviewVersions, ['v1']);
  });

  it('has no caBundle, so applying it again empties none, and no tool injects one', () => {
    assert.deepEqual(Object.keys(at(webhook, 'clientConfig')), ['service']);
    // The one by which the enforcer of AKS leaves its selectors alone, which Helm 4 would find changed.
    assert.deepEqual(at(configuration, 'metadata').annotations, { 'admissions.enforcer/disabled': 'true' });
  });

  it('asks for the creation of validator pods only', () => {
    assert.deepEqual(webhook.rules, [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods'],
        operations: ['CREATE'],
        scope: 'Namespaced',
      },
    ]);
    assert.equal(webhook.matchPolicy, 'Equivalent');
    assert.deepEqual(webhook.objectSelector, { matchLabels: { [LABEL_NODE_TYPE]: NODE_TYPE_VALIDATOR } });
  });

  it('excludes kube-system, our own namespace, and namespaces that opted out', () => {
    assert.deepEqual(at(webhook, 'namespaceSelector').matchExpressions, [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', NAMESPACE] },
      { key: INJECTION, operator: 'NotIn', values: [INJECTION_DISABLED] },
    ]);
  });

  it('has the one match condition that the reconciler understands', () => {
    assert.deepEqual(
      listOf(webhook.matchConditions).map(({ expression }) => expression),
      [OPT_OUT_EXPRESSION],
    );
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}
const rulesOf = (role: Fields): Rule[] => listOf(role.rules) as unknown as Rule[];

describe('the RBAC', () => {
  const cluster = rulesOf(only('ClusterRole'));
  const own = rulesOf(only('Role'));
  const rules = [...cluster, ...own];
  const about = (resource: string) => rules.filter(({ resources }) => resources.includes(resource));

  it('has no wildcard, no escalation and no path outside of resources', () => {
    for (const rule of rules) {
      assert.deepEqual(
        Object.keys(rule).filter(
          (key) => !['apiGroups', 'resources', 'resourceNames', 'verbs'].includes(key),
        ),
        [],
      );
      const texts = [...rule.apiGroups, ...rule.resources, ...rule.verbs, ...(rule.resourceNames ?? [])];
      assert.ok(!texts.some((text) => text.includes('*')), JSON.stringify(rule));
      for (const verb of ['escalate', 'bind', 'impersonate', 'deletecollection']) {
        assert.ok(!rule.verbs.includes(verb), JSON.stringify(rule));
      }
    }
  });

  it('allows access to our Secret only, and only in our namespace', () => {
    assert.deepEqual(
      about('secrets'),
      own.filter(({ resources }) => resources.includes('secrets')),
    );
    assert.deepEqual(
      about('secrets').map(({ resources, resourceNames }) => ({ resources, resourceNames })),
      [{ resources: ['secrets'], resourceNames: [CERT_SECRET] }],
    );
  });

  it('names the objects wherever names are possible', () => {
    const named = rules.flatMap(({ resources, resourceNames }) =>
      resourceNames ? [[resources.join(), ...resourceNames].join(' ')] : [],
    );
    assert.deepEqual(named.sort(), [
      `configmaps ${PEERS_CONFIGMAP}`,
      `configmaps ${EXTERNAL_CONFIGMAP}`,
      `configmaps ${JOURNAL_CONFIGMAP}`,
      `leases ${LEADER_LEASE}`,
      `mutatingwebhookconfigurations ${WEBHOOK_CONFIGURATION}`,
      `secrets ${CERT_SECRET}`,
    ]);
  });

  it('allows writes without a name only for restarts, Services and Events', () => {
    const writes = rules
      .filter(({ resourceNames }) => resourceNames === undefined)
      .flatMap(({ resources, verbs }) => resources.flatMap((each) => verbs.map((verb) => `${verb} ${each}`)))
      .filter((right) => !/^(get|list|watch) /.test(right));
    assert.deepEqual(writes.sort(), [
      'create events',
      'create services',
      'delete pods',
      'patch statefulsets',
    ]);
  });
});

describe('the admission policies', () => {
  const policies = ofKind('ValidatingAdmissionPolicy');
  const bindings = ofKind('ValidatingAdmissionPolicyBinding');

  it('are all in force: bound, and set to deny', () => {
    assert.deepEqual(
      bindings.map(({ spec }) => spec),
      policies.map((policy) => ({ policyName: nameOf(policy), validationActions: ['Deny'] })),
    );
    assert.ok(policies.length >= 6);
  });

  it('apply only to requests of our ServiceAccount', () => {
    const us = `system:serviceaccount:${NAMESPACE}:${nameOf(only('ServiceAccount'))}`;
    for (const policy of policies) {
      const conditions = listOf(at(policy, 'spec').matchConditions).map(({ expression }) => expression);
      assert.deepEqual(conditions, [`request.userInfo.username == '${us}'`], nameOf(policy));
      assert.equal(at(policy, 'spec').failurePolicy, 'Fail', nameOf(policy));
    }
  });

  it('name the annotation of a restart, the annotation of a fence, and the label of a validator', () => {
    const expressions = policies.flatMap((policy) =>
      listOf(at(policy, 'spec').validations).map(({ expression }) => textOf(expression) ?? ''),
    );
    const named = expressions.flatMap((text) => [...text.matchAll(/'(stellar\.org\/[a-z-]+)'/g)]);
    assert.deepEqual(
      new Set(named.map(([, name]) => name)),
      new Set([ANNOTATION_PEER_RESTART, ANNOTATION_PEER_FENCE, LABEL_NODE_TYPE]),
    );
  });

  it('allow each of our keys in a peers ConfigMap', () => {
    const policy = policies.find((each) => nameOf(each) === 'stellar-peers-configmaps');
    const [rule] = listOf(at(policy ?? {}, 'spec').validations);
    const text = textOf(rule?.expression) ?? '';
    for (const key of Object.values(nodeKeys(''))) assert.ok(text.includes(`.endsWith('${key}')`), key);
    const world = worldWith({});
    const discovery = discover(world, { peerScope: 'cluster', clusterDomain: 'cluster.local' });
    const overview = Object.keys(overviewData({ world, discovery, connections: new Map() }, 0));
    for (const key of [...overview, EVIDENCE_KEY]) assert.ok(text.includes(`'${key}'`), key);
  });

  it('cover each write that RBAC grants without a name', () => {
    const writes = [...rulesOf(only('ClusterRole')), ...rulesOf(only('Role'))]
      .filter(({ resourceNames }) => resourceNames === undefined)
      .flatMap(({ resources, verbs }) => resources.flatMap((each) => verbs.map((verb) => ({ verb, each }))))
      .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
      .map(({ verb, each }) => `${verb === 'patch' ? 'UPDATE' : verb.toUpperCase()} ${each}`);
    const covered = policies.flatMap((policy) =>
      listOf(at(policy, 'spec', 'matchConstraints').resourceRules).flatMap(({ operations, resources }) =>
        (operations as string[]).flatMap((operation) =>
          (resources as string[]).map((each) => `${operation} ${each}`),
        ),
      ),
    );
    assert.deepEqual(
      writes.filter((write) => !covered.includes(write)),
      [],
    );
  });

  it('refuse with 403 and say what is forbidden', () => {
    for (const policy of policies) {
      for (const { reason, message } of listOf(at(policy, 'spec').validations)) {
        assert.equal(reason, 'Forbidden');
        assert.match(String(message), /^stellar-peers may /);
      }
    }
  });
});

describe('the Deployment', () => {
  const spec = at(only('Deployment'), 'spec');
  const pod = at(spec, 'template', 'spec');
  const containers = listOf(pod.containers);
  const container = containers[0] ?? {};

  it('runs two replicas, and never fewer during an upgrade or a drained node', () => {
    assert.equal(spec.replicas, 2);
    assert.deepEqual(at(spec, 'strategy', 'rollingUpdate'), { maxUnavailable: 0, maxSurge: 1 });
    const budget = at(only('PodDisruptionBudget'), 'spec');
    // As the former release has it: one that is taken over by Helm keeps its field, and may not have both.
    assert.deepEqual([budget.minAvailable, budget.maxUnavailable], [1, undefined]);
    assert.equal(budget.unhealthyPodEvictionPolicy, 'AlwaysAllow');
    const labels = stringsOf(at(spec, 'template', 'metadata').labels);
    for (const selector of [
      stringsOf(at(budget, 'selector').matchLabels),
      stringsOf(at(spec, 'selector').matchLabels),
      ...SERVICES.map((name) => stringsOf(at(serviceNamed(name), 'spec').selector)),
    ]) {
      assert.ok(Object.keys(selector).length > 0);
      for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value, key);
    }
  });

  it('runs as an unprivileged user, on a read-only file system', () => {
    assert.equal(containers.length, 1);
    // No id of a user or group: OpenShift's SCC restricted-v2 takes those of the namespace's range only. The image has one.
    assert.deepEqual(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    assert.match(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'), /^USER [1-9]\d+:[1-9]\d+$/m);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes'])
      assert.equal(pod[key], undefined, key);
  });

  it('runs on nodes with Linux, and outside of a mesh, whose proxy would refuse the API server', () => {
    assert.deepEqual(pod.nodeSelector, { 'kubernetes.io/os': 'linux' });
    assert.equal(at(spec, 'template', 'metadata', 'labels')['sidecar.istio.io/inject'], 'false');
  });

  it('sets only the name and the place of the replica, and leaves all other settings at their defaults', () => {
    assert.equal(container.envFrom, undefined);
    assert.deepEqual(container.env, [
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ]);
  });

  it('opens the ports that the defaults listen on, and probes the plain one', () => {
    const ports = Object.fromEntries(listOf(container.ports).map((port) => [port.name, port.containerPort]));
    const { webhookPort, httpPort, statusPagePort } = readSettings({});
    assert.deepEqual(ports, { webhook: webhookPort, http: httpPort, status: statusPagePort });
    const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) =>
      at(container, probe, 'httpGet'),
    );
    assert.deepEqual(probes, [
      { path: '/healthz', port: 'http' },
      { path: '/readyz', port: 'http' },
      { path: '/healthz', port: 'http' },
    ]);
    assert.deepEqual(
      SERVICES.map((name) =>
        listOf(at(serviceNamed(name), 'spec').ports).map(({ targetPort }) => targetPort),
      ),
      [['webhook'], ['status']],
    );
  });

  it('gives a replica enough time for a clean stop', () => {
    assert.ok(Number(pod.terminationGracePeriodSeconds) > readSettings({}).drainSeconds + 15);
  });
});

const EXAMPLES = join(ROOT, 'examples');
const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** Members of each group, by name and port, that the StellarNodes in these files would make. */
function groupsOf(paths: readonly string[]): string[][] {
  const nodes = paths
    .flatMap(objectsIn)
    .filter(({ kind }) => kind === 'StellarNode')
    .map((node) => ({ ...node, metadata: { ...at(node, 'metadata'), name: nameOf(node) } }));
  const discovery = discover(worldWith({ nodes }), { peerScope: 'cluster', clusterDomain: 'cluster.local' });
  assert.deepEqual([...discovery.skipped], []);
  return [...discovery.groups.values()].map(({ members }) =>
    members.map(({ node, port }) => `${node}:${port}`),
  );
}

/** What an example may hold beside its StellarNodes. */
const isBeside = (object: Fields): boolean =>
  ['Namespace', 'NetworkPolicy'].includes(String(object.kind)) ||
  (object.kind === 'ConfigMap' && nameOf(object) === EXTERNAL_CONFIGMAP);

describe('the examples', () => {
  it('are those that the README lists', () => {
    const readme = readFileSync(join(EXAMPLES, '../README.md'), 'utf8');
    const told = [...readme.matchAll(/\]\(examples\/([a-z-]+)\/README\.md\)/g)].map(([, name]) => name);
    assert.deepEqual([...new Set(told)].sort(), examples.sort());
    assert.ok(examples.length >= 6);
  });

  for (const example of examples) {
    it(`${example} says what to expect, brings its namespaces, and every validator in it is one`, () => {
      assert.ok(existsSync(join(EXAMPLES, example, 'README.md')));
      const paths = yamlIn(join(EXAMPLES, example));
      const objects = paths.flatMap(objectsIn);
      const namespaces = objects.filter(({ kind }) => kind === 'Namespace').map(nameOf);
      for (const object of objects) {
        if (isBeside(object)) continue;
        assert.equal(object.kind, 'StellarNode');
        assert.equal(object.apiVersion, 'stellar.org/v1alpha1');
        assert.ok(namespaces.includes(String(at(object, 'metadata').namespace)), nameOf(object));
        assert.equal(readNode(object).kind, 'validator', nameOf(object));
      }
    });
  }

  it('open no HTTP port without a policy that names who may reach it', () => {
    const policies = examples
      .flatMap((example) => yamlIn(join(EXAMPLES, example)).flatMap(objectsIn))
      .filter(({ kind }) => kind === 'NetworkPolicy');
    assert.equal(policies.length, 1);
    const rules = listOf(fieldsOf(policies[0]?.spec).ingress);
    const open = rules.filter((rule) => listOf(rule.ports).some(({ port }) => port === 11_626));
    assert.equal(open.length, 1);
    const from = listOf(open[0]?.from).map((peer) => fieldsOf(fieldsOf(peer.namespaceSelector).matchLabels));
    assert.deepEqual(
      from.map((labels) => labels['kubernetes.io/metadata.name']),
      ['stellar-peers', 'monitoring'],
    );
  });

  it('share no network with each other', () => {
    const files = examples.map((example) => yamlIn(join(EXAMPLES, example)));
    const apart = files.reduce((sum, paths) => sum + groupsOf(paths).length, 0);
    assert.equal(groupsOf(files.flat()).length, apart);
  });
});
