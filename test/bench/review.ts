/**
 * The reviews that the benchmark sends: a pod as the StatefulSet controller makes it from the operator's template, with the
 * fields that the API server adds before admission.
 */
export interface Owner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

const TOKEN_VOLUME = 'kube-api-access-x7k2p';
const TOKEN_MOUNT = {
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  name: TOKEN_VOLUME,
  readOnly: true,
};
const RUNTIME_DEFAULT = { type: 'RuntimeDefault' };

const probe = (path: string, rest: object) => ({
  httpGet: { path, port: 8081, scheme: 'HTTP' },
  ...{ timeoutSeconds: 5, successThreshold: 1, periodSeconds: 10, failureThreshold: 3, ...rest },
});

const securityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  ...{ privileged: false, readOnlyRootFilesystem: true, runAsNonRoot: true, seccompProfile: RUNTIME_DEFAULT },
};

const containerDefaults = {
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};

const mainContainer = {
  name: 'stellar-node',
  image: 'docker.io/stellar/stellar-core:v21.0.0',
  env: [
    { name: 'NETWORK_PASSPHRASE', value: 'Scene ; November 2026' },
    { name: 'STELLAR_CORE_WORKER_THREADS', value: '2' },
    {
      name: 'STELLAR_CORE_SEED',
      valueFrom: { secretKeyRef: { key: 'seed', name: 'seeds', optional: false } },
    },
  ],
  ports: [{ containerPort: 11625, protocol: 'TCP' }],
  resources: { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
  livenessProbe: probe('/healthz', { initialDelaySeconds: 30 }),
  readinessProbe: probe('/readyz', { initialDelaySeconds: 60, failureThreshold: 2 }),
  securityContext,
  ...containerDefaults,
  volumeMounts: [
    { mountPath: '/opt/stellar/data', name: 'data' },
    { mountPath: '/config', name: 'config', readOnly: true },
    { mountPath: '/etc/stellar/tls', name: 'tls', readOnly: true },
    TOKEN_MOUNT,
  ],
};

const healthCheck = {
  name: 'stellar-health-check',
  image: 'docker.io/stellar/stellar-k8s:v21.0.0',
  command: ['/stellar-health-sidecar'],
  ports: [{ containerPort: 8081, name: 'health', protocol: 'TCP' }],
  resources: { limits: { cpu: '100m', memory: '64Mi' }, requests: { cpu: '10m', memory: '16Mi' } },
  securityContext,
  ...containerDefaults,
  volumeMounts: [TOKEN_MOUNT],
};

const tokenSources = [
  { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
  { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
  {
    downwardAPI: {
      items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }],
    },
  },
];

function podOf({ namespace, name, uid }: Owner) {
  const labels = {
    'app.kubernetes.io/component': 'validator',
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/managed-by': 'stellar-operator',
    'app.kubernetes.io/name': 'stellar-node',
    'apps.kubernetes.io/pod-index': '0',
    'controller-revision-hash': `${name}-6658cf7b47`,
    'statefulset.kubernetes.io/pod-name': `${name}-0`,
    'stellar-network': 'custom',
    'stellar.org/node-type': 'Validator',
  };
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid };
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      ...{ name: `${name}-0`, generateName: `${name}-`, namespace, creationTimestamp: null, labels },
      annotations: { 'container.apparmor.security.beta.kubernetes.io/stellar-node': 'runtime/default' },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: `${name}-data` } },
        { name: 'config', configMap: { name: `${name}-config`, defaultMode: 420 } },
        { name: 'tls', secret: { secretName: `${name}-client-cert`, defaultMode: 420 } },
        { name: TOKEN_VOLUME, projected: { sources: tokenSources, defaultMode: 420 } },
      ],
      containers: [mainContainer, healthCheck],
      ...{ restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst' },
      ...{ serviceAccountName: 'default', serviceAccount: 'default', schedulerName: 'default-scheduler' },
      securityContext: { runAsUser: 10_000, runAsGroup: 10_000, runAsNonRoot: true, fsGroup: 10_000 },
      ...{ hostname: `${name}-0`, subdomain: `${name}-headless`, priority: 0, enableServiceLinks: true },
    },
    status: {},
  };
}

/** The body of a review of the pod that `owner` makes. */
export function reviewBody(owner: Owner): string {
  const pod = podOf(owner);
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const username = 'system:serviceaccount:kube-system:statefulset-controller';
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      ...{ kind, resource, requestKind: kind, requestResource: resource },
      ...{ name: `${owner.name}-0`, namespace: owner.namespace, operation: 'CREATE' },
      userInfo: {
        username,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      object: pod,
      ...{ oldObject: null, dryRun: false, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' } },
    },
  });
}
