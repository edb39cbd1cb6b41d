/** The objects that the stand-in operator makes for one StellarNode, in the same form as the real operator. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { READY_HINT } from './stages.ts';

interface Spec {
  readonly nodeType: string;
  readonly network: unknown;
  readonly version?: string;
  readonly replicas?: number;
  readonly suspended?: boolean;
  readonly readReplicaConfig?: { readonly replicas?: number };
  readonly networkPolicy?: { readonly enabled?: boolean };
  readonly podAntiAffinity?: 'Disabled';
}
const specOf = (node: KubeObject) => node.spec as Spec;

/** The labels of a validator's objects. On the StatefulSet itself, the last two come and go; elsewhere all stay. */
function labelsOf(node: KubeObject): Record<string, string> {
  const { nodeType, network } = specOf(node);
  return {
    'app.kubernetes.io/name': 'stellar-node',
    'app.kubernetes.io/instance': node.metadata.name,
    'app.kubernetes.io/component': nodeType.toLowerCase(),
    'app.kubernetes.io/managed-by': 'stellar-operator',
    'stellar.org/node-type': nodeType,
    'stellar-network': typeof network === 'string' ? network.toLowerCase() : 'custom',
  };
}

function metadataOf(
  node: KubeObject,
  name = node.metadata.name,
  labels = labelsOf(node),
): KubeObject['metadata'] {
  const { apiVersion = '', kind = '', metadata } = node;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' };
  const ownerReferences = [{ ...owner, controller: true, blockOwnerDeletion: true }];
  return { name, namespace: metadata.namespace ?? '', labels, ownerReferences };
}

const probe = (path: string, rest: object) => ({ httpGet: { path, port: 8081 }, timeoutSeconds: 5, ...rest });

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

const imageOf = (node: KubeObject): string => `stellar/stellar-core:${specOf(node).version ?? 'v21.0.0'}`;

const mainContainer = (node: KubeObject) => ({
  name: 'stellar-node',
  image: imageOf(node),
  ports: [{ containerPort: 11625, protocol: 'TCP' }],
  securityContext: RESTRICTED,
  startupProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 30 }),
  livenessProbe: probe('/healthz', { periodSeconds: 10, initialDelaySeconds: 30 }),
  readinessProbe: probe('/readyz', {
    periodSeconds: 5,
    initialDelaySeconds: Number(node.metadata.annotations?.[READY_DELAY_HINT] ?? 60),
    failureThreshold: 2,
  }),
  volumeMounts: [
    { name: 'data', mountPath: '/opt/stellar/data' },
    { name: 'config', mountPath: '/config', readOnly: true },
    { name: 'tls', mountPath: '/etc/stellar/tls', readOnly: true },
  ],
});

/** Annotation on a StellarNode: the initialDelaySeconds of its readiness probe, in place of the operator's 60. */
export const READY_DELAY_HINT = 'test.stellar-peers/ready-delay-seconds';

const HEALTH_CHECK = {
  name: 'stellar-health-check',
  image: 'stellar/stellar-k8s:v21.0.0',
  command: ['/stellar-health-sidecar'],
  ports: [{ name: 'health', containerPort: 8081, protocol: 'TCP' }],
  securityContext: RESTRICTED,
};

/** The anti-affinity by which validators of one network never share a node, unless the StellarNode allows it. */
function antiAffinity(labels: Record<string, string>, node: KubeObject): object {
  if (specOf(node).podAntiAffinity === 'Disabled') return {};
  const keys = ['app.kubernetes.io/name', 'app.kubernetes.io/component', 'stellar-network'];
  const matchLabels = Object.fromEntries(keys.map((key) => [key, labels[key]]));
  const rule = { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' };
  return { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [rule] } };
}

function podTemplate(node: KubeObject): object {
  const hint = node.metadata.annotations?.[READY_HINT];
  return {
    metadata: { labels: labelsOf(node), ...(hint ? { annotations: { [READY_HINT]: hint } } : {}) },
    spec: {
      affinity: antiAffinity(labelsOf(node), node),
      containers: [mainContainer(node), HEALTH_CHECK],
      securityContext: { runAsUser: 10_000, runAsGroup: 10_000, fsGroup: 10_000, runAsNonRoot: true },
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'config', configMap: { name: `${node.metadata.name}-config` } },
        { name: 'tls', secret: { secretName: `${node.metadata.name}-client-cert` } },
      ],
    },
  };
}

const workload = (node: KubeObject) => ({
  replicas: specOf(node).suspended ? 0 : (specOf(node).replicas ?? 1),
  selector: { matchLabels: labelsOf(node) },
  template: podTemplate(node),
});

/** The StatefulSet. The Service that it names is not made. `labelled: false` leaves out the labels that come and go. */
export function statefulSet(node: KubeObject, labelled: boolean): KubeObject {
  const { 'stellar.org/node-type': _type, 'stellar-network': _network, ...steady } = labelsOf(node);
  return {
    metadata: metadataOf(node, node.metadata.name, labelled ? labelsOf(node) : steady),
    spec: {
      ...workload(node),
      serviceName: `${node.metadata.name}-headless`,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate' },
    },
  };
}

export const deployment = (node: KubeObject) => ({ metadata: metadataOf(node), spec: workload(node) });

/** Annotation on a StellarNode: replaces the content of its stellar-core.cfg. */
export const CONFIG_HINT = 'test.stellar-peers/config';
const GENERATED = '\n# Recent History Mode\nCATCHUP_COMPLETE=false\nCATCHUP_RECENT=60480\n';

export const configMap = (node: KubeObject): KubeObject => ({
  metadata: metadataOf(node, `${node.metadata.name}-config`),
  data: {
    'stellar-core.cfg': node.metadata.annotations?.[CONFIG_HINT] ?? GENERATED,
    NETWORK_PASSPHRASE: 'Scene ; November 2026',
  },
});

/** A budget for one pod with minAvailable 1. It never allows a disruption. */
export const disruptionBudget = (node: KubeObject): KubeObject => ({
  metadata: metadataOf(node),
  spec: { minAvailable: 1, selector: { matchLabels: labelsOf(node) } },
});

const PORTS = [11_625, 11_626];

/** Read replicas have all labels of their validator's pods, and one more. Undefined if the StellarNode asks for none. */
export function readReplicas(node: KubeObject): { set: KubeObject; service: KubeObject } | undefined {
  const { readReplicaConfig, suspended } = specOf(node);
  if (!readReplicaConfig) return undefined;
  const name = `${node.metadata.name}-read`;
  const labels = { ...labelsOf(node), 'stellar.org/role': 'read-replica' };
  const container = {
    ...{ name: 'stellar-core', image: imageOf(node), command: ['/bin/bash', '/config/startup.sh'] },
    ports: PORTS.map((containerPort) => ({ containerPort })),
    volumeMounts: [{ name: 'config', mountPath: '/config' }],
  };
  const spec = {
    affinity: antiAffinity(labels, node),
    containers: [container],
    volumes: [{ name: 'config', configMap: { name: `${name}-config` } }],
  };
  const metadata = metadataOf(node, name, labels);
  const ports = PORTS.map((port) => ({ name: `port-${port}`, port }));
  return {
    set: {
      metadata,
      spec: {
        replicas: suspended ? 0 : (readReplicaConfig.replicas ?? 1),
        ...{ serviceName: name, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      },
    },
    service: { metadata, spec: { selector: labels, ports } },
  };
}

/** A NetworkPolicy that allows only the operator's pods of the same namespace; undefined if the StellarNode wants none. */
export function networkPolicy(node: KubeObject): KubeObject | undefined {
  if (!specOf(node).networkPolicy?.enabled) return undefined;
  const { 'app.kubernetes.io/name': name = '', 'app.kubernetes.io/instance': instance = '' } = labelsOf(node);
  const named = { 'app.kubernetes.io/name': name };
  const ingress = {
    from: [{ podSelector: { matchLabels: named } }],
    ports: PORTS.map((port) => ({ port, protocol: 'TCP' })),
  };
  return {
    metadata: metadataOf(node, `${node.metadata.name}-netpol`),
    spec: {
      podSelector: { matchLabels: { ...named, 'app.kubernetes.io/instance': instance } },
      ...{ policyTypes: ['Ingress'], ingress: [ingress] },
    },
  };
}
