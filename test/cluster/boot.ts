/**
 * Boots a real control plane on loopback with simulated nodes: etcd, kube-apiserver, controller-manager,
 * scheduler and kwok, with our StellarNode definition in it. Owns its files, its readiness and its end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../runtime/clock.ts';
import { createKube } from '../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import type { Kube } from '../../runtime/kube/port.ts';
import { Namespaces } from '../../runtime/kube/resources.ts';
import { type AuditEntry, readAudit } from './audit.ts';
import { type ConfigFiles, writeConfig, writeKubeconfig } from './config-files.ts';
import {
  type Component,
  type Layout,
  startApiServer,
  startControllerManager,
  startControllers,
  startEtcd,
  startKwok,
  startScheduler,
} from './control-plane.ts';
import { define } from './definitions.ts';
import { type Child, Keeper, logTail } from './keeper.ts';
import { runKubectl } from './kubectl.ts';
import { freePorts } from './ports.ts';
import { isReady } from './readyz.ts';
import { Nodes, ServiceAccounts } from './resources.ts';
import { requestToken } from './token.ts';
import { until } from './until.ts';

export interface ClusterOptions {
  /** Simulated nodes; hard anti-affinity needs one for each validator of a network. Default 25. */
  readonly nodes?: number;
  /** From a pod's start until it is Ready, in ms; the annotation READY_HINT overrides it. Default 300. */
  readonly readyDelayMs?: number;
}

export interface Cluster {
  /** The folder of this cluster, with `config/`, `data/` and `logs/`. */
  readonly dir: string;
  /** URL of the API server. */
  readonly server: string;
  /** The kubeconfig of a cluster administrator. */
  readonly kubeconfigPath: string;
  readonly admin: Kube;
  /** For processes that belong to this cluster and must end with it. */
  readonly keeper: Keeper;
  /** Runs kubectl as administrator. Resolves to its standard output, or rejects with its standard error. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Creates a namespace and waits until pods can be made in it. */
  createNamespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** Path of a kubeconfig with a real token of that ServiceAccount, good for 24 h. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** Requests by ServiceAccounts so far, oldest first; without those of the cluster's own controllers. */
  audit(): Promise<AuditEntry[]>;
  /** Freezes, thaws or kills a component: SIGSTOP, SIGCONT, SIGKILL. */
  signal(component: Component, signal: NodeJS.Signals): void;
  /** Kills the API server and its clients, calls `whileDown`, and starts them again. Resolves when all is ready. */
  restartApiServer(whileDown?: () => Promise<void>): Promise<void>;
  /** Kills the controller-manager, calls `whileDown`, and starts it again, even if `whileDown` fails. */
  restartControllerManager<T>(whileDown: () => Promise<T>): Promise<T>;
  /** Kills everything that belongs to the cluster; logs stay until the process ends without failure. */
  stop(): Promise<void>;
}

const CRD = join(import.meta.dirname, 'crd.yaml');
/** How often to try, because another process may take a port before we use it. */
const BOOT_ATTEMPTS = 3;

/** Boots a cluster. Resolves when it is ready for StellarNodes and pods. Rejects with the log of a component that failed. */
export async function bootCluster(options: ClusterOptions = {}): Promise<Cluster> {
  for (let attempt = 1; ; attempt += 1) {
    const cluster = await prepare(options);
    try {
      await bringUp(cluster, options);
      return cluster.public;
    } catch (error) {
      await cluster.keeper.stop();
      const retry = attempt < BOOT_ATTEMPTS && /address already in use/.test(String(error));
      if (!retry) throw error;
    }
  }
}

interface Prepared {
  readonly public: Cluster;
  readonly keeper: Keeper;
  readonly layout: Layout;
  readonly files: ConfigFiles;
  readonly children: Map<string, Child>;
}

/** After a failure, prints the path of the logs; otherwise deletes them. */
function cleanUpAtExit(dir: string): void {
  process.once('exit', (code) => {
    if (code === 0) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    else process.stderr.write(`logs of the test cluster: ${join(dir, 'logs')}\n`);
  });
}

async function prepare(options: ClusterOptions): Promise<Prepared> {
  const dir = mkdtempSync(join(tmpdir(), 'stellar-peers-'));
  cleanUpAtExit(dir);
  const [etcdPort = 0, etcdPeerPort = 0, apiPort = 0] = await freePorts(3);
  const layout: Layout = {
    etcdPort,
    etcdPeerPort,
    apiPort,
    dataDir: join(dir, 'data'),
    configDir: join(dir, 'config'),
    auditLog: join(dir, 'logs', 'audit.log'),
  };
  const keeper = new Keeper(layout.dataDir, join(dir, 'logs'));
  const server = `https://127.0.0.1:${apiPort}`;
  const files = writeConfig(layout.configDir, server, options.readyDelayMs ?? 300);
  const children = new Map<string, Child>();
  const admin = createKube(loadKubeConfig({ path: files.kubeconfigPath }), {
    clock: systemClock,
    timeoutMs: 15_000,
    userAgent: 'test-cluster',
  });
  const cluster: Cluster = {
    dir,
    server,
    kubeconfigPath: files.kubeconfigPath,
    admin,
    keeper,
    kubectl: (args, stdin) => runKubectl(dir, files.kubeconfigPath, args, stdin),
    createNamespace: (name, labels) => createNamespace(admin, name, labels ?? {}),
    serviceAccountKubeconfig: async (namespace, name) => {
      const token = await requestToken(admin, namespace, name);
      const path = join(layout.configDir, `${namespace}.${name}.kubeconfig`);
      return writeKubeconfig(path, { server, caPem: files.caPem, token, namespace });
    },
    audit: () => readAudit(layout.auditLog),
    signal: (component, signal) => children.get(component)?.kill(signal),
    restartApiServer: (whileDown) => restartApiServer(prepared, whileDown),
    restartControllerManager: (whileDown) => restartControllerManager(prepared, whileDown),
    stop: () => keeper.stop(),
  };
  const prepared = { public: cluster, keeper, layout, files, children };
  return prepared;
}

async function bringUp(prepared: Prepared, options: ClusterOptions): Promise<void> {
  const { keeper, layout, children } = prepared;
  const { admin, kubectl } = prepared.public;
  const add = (child: Child) => children.set(child.name, child);
  add(startEtcd(keeper, layout));
  add(startApiServer(keeper, layout));
  await alive(children, 'the API server is ready', () => isReady(layout.apiPort, prepared.files.caPem));
  // Define the kinds before the controller-manager starts, because its garbage collector learns of new kinds only every 30 s.
  await define(kubectl, CRD);
  for (const child of startControllers(keeper, layout)) add(child);
  await Promise.all(Array.from({ length: options.nodes ?? 25 }, (_, index) => createNode(admin, index + 1)));
  await alive(children, 'all nodes are schedulable', async () => {
    const { items } = await admin.list(Nodes);
    return items.every((node) => (node.spec as { taints?: unknown }).taints === undefined);
  });
  await alive(children, 'pods can be made', () => defaultServiceAccount(admin, 'default'));
}

/**
 * Restarts the API server together with its clients. In a real cluster, a controller-manager that cannot renew its Lease
 * for 10 s exits; ours has no Lease, and needed up to 98 s to recover. A scheduler that has missed the replacement of a pod
 * exits too. kwok, unlike a kubelet, would repeat deletions by name only, and delete the new pods.
 */
async function restartApiServer(
  { children, keeper, layout, files }: Prepared,
  whileDown = async () => {},
): Promise<void> {
  const names = ['kwok', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver'];
  for (const name of names) children.get(name)?.kill('SIGKILL');
  for (const name of names) {
    await children.get(name)?.exited;
    children.delete(name);
  }
  await whileDown();
  children.set('kube-apiserver', startApiServer(keeper, layout));
  await alive(children, 'the API server is ready again', () => isReady(layout.apiPort, files.caPem));
  children.set('kube-controller-manager', startControllerManager(keeper, layout));
  children.set('kube-scheduler', startScheduler(keeper, layout));
  children.set('kwok', startKwok(keeper, layout));
}

async function restartControllerManager<T>(
  { children, keeper, layout }: Prepared,
  whileDown: () => Promise<T>,
): Promise<T> {
  const former = children.get('kube-controller-manager');
  former?.kill('SIGKILL');
  await former?.exited;
  try {
    return await whileDown();
  } finally {
    children.set('kube-controller-manager', startControllerManager(keeper, layout));
  }
}

/** Waits for a state. Rejects as soon as a component ends. */
async function alive<T>(
  children: ReadonlyMap<string, Child>,
  describe: string,
  predicate: () => Promise<T>,
): Promise<void> {
  const dead = () => [...children.values()].find((child) => child.exit() !== undefined);
  const outcome = await until(
    describe,
    async () => {
      const child = dead();
      return child ? { child } : (await predicate()) && { child: undefined };
    },
    { deadlineMs: 60_000 },
  );
  if (outcome.child) throw new Error(`${outcome.child.name} ended while booting:\n${logTail(outcome.child)}`);
}

async function createNode(admin: Kube, number: number): Promise<void> {
  const name = `node-${number}`;
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'topology.kubernetes.io/zone': `zone-${(number % 3) + 1}`,
  };
  await admin.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
}

const defaultServiceAccount = (admin: Kube, namespace: string) =>
  admin.get({ resource: ServiceAccounts, namespace, name: 'default' });

async function createNamespace(
  admin: Kube,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  await admin.apply(
    { resource: Namespaces, name },
    { metadata: { name, labels: { ...labels } } },
    { manager: 'test' },
  );
  await until(`pods can be made in namespace ${name}`, () => defaultServiceAccount(admin, name));
}
