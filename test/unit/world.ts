/**
 * Raw objects as the operator makes them, and a World of them, for tests of decisions.
 */
import { readConfigMap, readNamespace, readPdb, readService, readWebhook } from '../../peers/read/cluster.ts';
import { readNode } from '../../peers/read/stellar-node.ts';
import { readPod, readStatefulSet } from '../../peers/read/workload.ts';
import { keyOf, type World } from '../../peers/world.ts';

export type Raw = Record<string, unknown> & {
  metadata: Record<string, unknown> & { name: string; namespace?: string };
};

interface NodeOptions {
  namespace?: string;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
  creationTimestamp?: string;
  spec?: Record<string, unknown>;
}

/** A StellarNode; its UID is `node-<name>`. */
export function node(name: string, options: NodeOptions = {}): Raw {
  const { namespace = 'stellar', spec = {}, ...metadata } = options;
  return {
    metadata: {
      name,
      namespace,
      uid: `node-${name}`,
      creationTimestamp: '2025-06-01T00:00:00Z',
      ...metadata,
    },
    spec: { nodeType: 'Validator', network: 'testnet', replicas: 1, ...spec },
  };
}

const LABELS = {
  'app.kubernetes.io/name': 'stellar-node',
  'app.kubernetes.io/component': 'validator',
  'stellar.org/node-type': 'Validator',
};

const labelsOf = (name: string) => ({ ...LABELS, 'app.kubernetes.io/instance': name });

/** The containers of a validator's pod. */
export const podSpec = () => ({
  containers: [
    {
      name: 'stellar-node',
      image: 'stellar/stellar-core:v21.0.0',
      readinessProbe: { httpGet: { path: '/readyz', port: 8081 } },
      volumeMounts: [{ name: 'config', mountPath: '/config' }],
    },
  ],
  volumes: [{ name: 'config', configMap: { name: 'config' } }],
});

interface StatefulSetOptions {
  namespace?: string;
  ownerUid?: string;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  annotations?: Record<string, string>;
  createdAt?: string;
}

/** A settled StatefulSet of one replica; its UID is `sts-<name>`. */
export function statefulSet(name: string, options: StatefulSetOptions = {}): Raw {
  const {
    namespace = 'stellar',
    ownerUid = `node-${name}`,
    spec = {},
    status = {},
    annotations = {},
  } = options;
  const replicas = (spec.replicas as number | undefined) ?? 1;
  return {
    metadata: {
      name,
      namespace,
      uid: `sts-${name}`,
      creationTimestamp: options.createdAt ?? '2025-06-01T00:00:00Z',
      labels: labelsOf(name),
      generation: 1,
      ownerReferences: [
        { apiVersion: 'stellar.org/v1alpha1', kind: 'StellarNode', name, uid: ownerUid, controller: true },
      ],
    },
    spec: {
      replicas,
      serviceName: `${name}-headless`,
      selector: { matchLabels: labelsOf(name) },
      template: { metadata: { labels: labelsOf(name), annotations }, spec: podSpec() },
      ...spec,
    },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      currentRevision: 'r1',
      updateRevision: 'r1',
      ...status,
    },
  };
}

interface PodOptions {
  namespace?: string;
  /** Of several: its number. Default 0. */
  ordinal?: number;
  uid?: string;
  ownerUid?: string;
  ready?: boolean;
  /** Of the container alone; as `ready` without it. */
  coreReady?: boolean;
  phase?: string;
  createdAt?: string;
  readyAt?: string;
  scheduledAt?: string;
  /** By the kubelet's clock, as `readyAt`. */
  initializedAt?: string;
  /** The scheduler finds no node for it. */
  unschedulable?: boolean;
  deletionTimestamp?: string;
  annotations?: Record<string, string>;
  injected?: boolean;
  /** The StatefulSet revision from which the pod was created. */
  revision?: string;
  /** How often its main container was restarted in place, and when it was started last. */
  restarts?: number;
  startedAt?: string;
  /** The sidecar that tells of new peers: running since that time, or as the kubelet says. */
  sidecar?: string | { restartCount?: number; state: object };
}

/** A pod of the StatefulSet `name`, `<name>-0` unless said otherwise: running, Ready and injected unless said otherwise. */
export function pod(name: string, options: PodOptions = {}): Raw {
  const { namespace = 'stellar', uid = `pod-${name}`, ownerUid = `sts-${name}` } = options;
  const { ready = true, phase = 'Running', injected = true, revision = 'r1' } = options;
  const { createdAt = '2026-01-01T00:00:00Z', readyAt = createdAt, scheduledAt = createdAt } = options;
  const { initializedAt = scheduledAt } = options;
  const spec = podSpec();
  const [container] = spec.containers;
  if (injected && container) {
    container.volumeMounts.push({ name: 'stellar-peers', mountPath: '/etc/stellar/peers' });
    const items = [
      { key: `${name}.peers.txt`, path: 'peers.txt' },
      { key: `${name}.peers.toml`, path: 'peers.toml' },
    ];
    const configMap = { name: 'stellar-peers', optional: true, items };
    spec.volumes.push({ name: 'stellar-peers', configMap });
  }
  const { sidecar } = options;
  return {
    metadata: {
      name: `${name}-${options.ordinal ?? 0}`,
      namespace,
      uid,
      creationTimestamp: createdAt,
      labels: { ...labelsOf(name), 'controller-revision-hash': revision },
      ...(options.annotations ? { annotations: options.annotations } : {}),
      ...(options.deletionTimestamp ? { deletionTimestamp: options.deletionTimestamp } : {}),
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid: ownerUid, controller: true },
      ],
    },
    spec: sidecar
      ? {
          ...spec,
          initContainers: [
            { name: 'stellar-peers-reload', image: 'stellar/stellar-core', restartPolicy: 'Always' },
          ],
        }
      : spec,
    status: {
      phase,
      ...(sidecar
        ? {
            initContainerStatuses: [
              {
                name: 'stellar-peers-reload',
                restartCount: 0,
                ...(typeof sidecar === 'string' ? { state: { running: { startedAt: sidecar } } } : sidecar),
              },
            ],
          }
        : {}),
      podIP: '10.0.0.1',
      containerStatuses: [
        {
          name: 'stellar-node',
          restartCount: options.restarts ?? 0,
          ready: options.coreReady ?? ready,
          state: options.startedAt ? { running: { startedAt: options.startedAt } } : {},
        },
      ],
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: readyAt },
        { type: 'Initialized', status: 'True', lastTransitionTime: initializedAt },
        {
          type: 'PodScheduled',
          status: options.unschedulable ? 'False' : 'True',
          lastTransitionTime: scheduledAt,
        },
      ],
    },
  };
}

export interface Parts {
  nodes?: Raw[];
  statefulSets?: Raw[];
  pods?: Raw[];
  pdbs?: Raw[];
  services?: Raw[];
  namespaces?: Raw[];
  configMaps?: Raw[];
  journal?: Record<string, string>;
  external?: Record<string, string>;
  webhook?: Raw | undefined;
}

const byKey = <T>(raws: readonly Raw[] | undefined, read: (raw: Raw) => T): Map<string, T> =>
  new Map((raws ?? []).map((raw) => [keyOf(raw.metadata.namespace ?? '', raw.metadata.name), read(raw)]));

/** The World that these objects make. */
export function worldWith(parts: Parts): World {
  return {
    nodes: byKey(parts.nodes, readNode),
    statefulSets: byKey(parts.statefulSets, readStatefulSet),
    pods: byKey(parts.pods, readPod),
    pdbs: byKey(parts.pdbs, readPdb),
    services: byKey(parts.services, readService),
    namespaces: new Map((parts.namespaces ?? []).map((raw) => [raw.metadata.name, readNamespace(raw)])),
    configMaps: new Map(
      (parts.configMaps ?? []).map((raw) => [raw.metadata.namespace ?? '', readConfigMap(raw)]),
    ),
    external:
      parts.external &&
      readConfigMap({
        metadata: { name: 'stellar-peers-external', namespace: 'stellar-peers' },
        data: parts.external,
      }),
    journal: parts.journal && readConfigMap({ metadata: { name: 'journal' }, data: parts.journal }),
    webhook: parts.webhook && readWebhook(parts.webhook),
  };
}
