/**
 * The scene for end-to-end tests and the demo: a cluster, our manifests, our replicas with the real ServiceAccount, the
 * stand-in operator, and an independent witness of pods.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods, StellarNodes } from '../../runtime/kube/resources.ts';
import { bootCluster, type Cluster } from './boot.ts';
import { type Front, startFront } from './front.ts';
import { installManifests } from './install.ts';
import { type OperatorOptions, startOperator } from './operator.ts';
import { PodWatcher } from './pods.ts';
import { type Replicas, startReplicas } from './replica.ts';
import { until } from './until.ts';

/** The shortened settings of tests. A separate test checks the shipped defaults. */
export const SHORT: Readonly<Record<string, string>> = {
  MIN_READY_SECONDS: '1',
  MIN_RESTART_INTERVAL_SECONDS: '0',
  STABILIZATION_SECONDS: '1',
  DELETE_MIN_AGE_SECONDS: '3',
  LEASE_DURATION_SECONDS: '4',
  REQUEST_TIMEOUT_SECONDS: '1',
  DRAIN_SECONDS: '0',
  // No container runs on these nodes, so no sidecar tells of a peer: restarts bring the peers.
  PEER_RELOAD: 'off',
};

type ClusterOptions = NonNullable<Parameters<typeof bootCluster>[0]>;

export interface SceneOptions extends ClusterOptions {
  /** A running control plane, which keeps running when the scene stops. Default: a new one. */
  readonly cluster?: Cluster;
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly operator?: OperatorOptions;
  /** The program for node in place of main.ts, with its arguments, for example a build that is broken on purpose. */
  readonly program?: readonly string[];
  /** Folder with a kustomization in place of `manifests/base`. */
  readonly folder?: string;
  /** A namespace that the webhook selects. Default `default`. */
  readonly selected?: string;
}

export interface Scene {
  readonly cluster: Cluster;
  readonly front: Front;
  readonly webhookUrl: string;
  readonly pods: PodWatcher;
  /** The replicas that were started last. */
  replicas: Replicas | undefined;
  /** Installs our manifests and starts `count` replicas; resolves when they are ready. */
  start(count?: number, env?: Readonly<Record<string, string>>): Promise<Replicas>;
  /** Replaces the running operator by another one, or by none if undefined. */
  operate(options: OperatorOptions | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** The part of a scene that demo acts and witnesses use. Its pods may be simulated or real. */
export interface Stage {
  readonly cluster: Pick<
    Cluster,
    'admin' | 'createNamespace' | 'dir' | 'kubectl' | 'serviceAccountKubeconfig'
  >;
  readonly pods: PodWatcher;
  /** The replicas, if they run as processes of this machine. */
  readonly replicas?: Replicas | undefined;
}

/** Boots the scene with an operator. `start` starts the replicas. */
export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  const cluster = options.cluster ?? (await bootCluster(options));
  const front = await startFront();
  const webhookUrl = `https://127.0.0.1:${front.port}/mutate-pods`;
  const pods = new PodWatcher(cluster.admin, 'stellar.org/node-type=Validator');
  let operator: ReturnType<typeof startOperator> | undefined = startOperator(cluster.admin, options.operator);
  const scene: Scene = {
    cluster,
    front,
    webhookUrl,
    pods,
    replicas: undefined,
    start: async (count = options.replicas ?? 2, env = {}) => {
      const { folder } = options;
      const settings = { ...SHORT, ...options.env, ...env };
      const given = folder === undefined ? {} : { folder };
      await installManifests(cluster, { webhookUrl, env: settings, ...given });
      const replicas = await startReplicas(cluster, count, {
        front,
        env: settings,
        ...(options.program ? { program: options.program } : {}),
      });
      scene.replicas = replicas;
      await untilAsked(cluster, replicas, options.selected ?? 'default');
      return replicas;
    },
    operate: async (next) => {
      await operator?.stop();
      operator = next && startOperator(cluster.admin, next);
    },
    stop: async () => {
      await operator?.stop();
      await pods.stop();
      if (!options.cluster) await cluster.stop();
      await front.stop();
    },
  };
  return scene;
}

/**
 * Waits until the API server uses our webhook. It learns of a new caBundle a moment after the write, and a pod in between
 * would not be injected. That would be repaired later, but it would disturb most tests.
 */
export async function untilAsked(
  cluster: Cluster,
  { replicas }: Pick<Replicas, 'replicas'>,
  namespace: string,
): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'nobodys', namespace, labels: { 'stellar.org/node-type': 'Validator' } },
    spec: { containers: [{ name: 'stellar-node', image: 'stellar-core' }] },
  };
  await until('the API server asks our webhook', async () => {
    await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod));
    const pages = await Promise.all(replicas.map((replica) => replica.get('/metrics')));
    return pages.some(({ body }) => body.includes('result="skipped:UnknownOwner"'));
  });
}

/** Options of a StellarNode; `spec` is raw, in the newer CRD generation. */
export interface ValidatorOptions {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Creates a StellarNode of type Validator on a private network of one passphrase. */
export async function createValidator(
  { cluster }: { readonly cluster: Pick<Cluster, 'admin'> },
  name: string,
  options: ValidatorOptions = {},
): Promise<void> {
  const { namespace = 'stellar', annotations = {}, spec = {} } = options;
  const network = { network: 'custom', customNetworkPassphrase: 'Scene ; November 2026' };
  await cluster.admin.create(StellarNodes, {
    apiVersion: StellarNodes.apiVersion,
    kind: StellarNodes.kind,
    metadata: { name, namespace, annotations },
    spec: { nodeType: 'Validator', version: 'v21.0.0', replicas: 1, ...network, ...spec },
  });
}

/** The present state of a pod in the API server. */
export const podNow = (
  { cluster }: Pick<Scene, 'cluster'>,
  name: string,
  namespace = 'stellar',
): Promise<KubeObject | undefined> => cluster.admin.get({ resource: Pods, namespace, name });
