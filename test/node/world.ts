/**
 * A whole cluster with real kubelets and containers: network, control plane, DNS and machines. The cluster runs inside the
 * Linux namespaces that run.ts makes, and ends with them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from '../../certs/source.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Namespaces } from '../../runtime/kube/resources.ts';
import {
  binary,
  flags,
  startApiServer,
  startControllerManager,
  startEtcd,
  startScheduler,
} from '../cluster/control-plane.ts';
import { define } from '../cluster/definitions.ts';
import type { Child, Keeper } from '../cluster/keeper.ts';
import { startOperator } from '../cluster/operator.ts';
import { PodWatcher } from '../cluster/pods.ts';
import { isReady } from '../cluster/readyz.ts';
import { Nodes, ServiceAccounts } from '../cluster/resources.ts';
import { until } from '../cluster/until.ts';
import { ENV } from './commands.ts';
import { imagesIn } from './images.ts';
import { Machine } from './machine.ts';
import { MASTER, POD_RANGE, proxyJson, SERVICE_RANGE } from './machine-files.ts';
import { API_PORT, FOLDER, MACHINES, makeNetwork, type Prepared, prepare } from './place.ts';

const CRD = join(import.meta.dirname, '../cluster/crd.yaml');
const BOOT_MS_MAX = 120_000;

export interface World extends Readonly<Prepared['world']> {
  readonly machines: readonly Machine[];
  /** A witness of all pods, with its own watch. */
  readonly pods: PodWatcher;
  readonly keeper: Keeper;
  /** The kube-proxy that routes requests of the API server to Services. */
  readonly proxy: Child;
  /** A second CA, for the next certificate of the API server. All but pods trust this CA already. */
  readonly nextAuthority: Issued;
  /** Writes configuration files of the control plane, by name, and restarts API server and controller-manager. */
  reconfigure(files: Readonly<Record<string, string>>): Promise<void>;
  createNamespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts API server and controller-manager, which read the certificates; resolves when the API server is ready. */
async function startReaders({ keeper, layout, caPem }: Prepared): Promise<Child[]> {
  const apiServer = startApiServer(keeper, layout, {
    'bind-address': '0.0.0.0',
    'advertise-address': MASTER,
    'endpoint-reconciler-type': 'lease',
    'kubelet-preferred-address-types': 'InternalIP',
    'enable-admission-plugins': 'NodeRestriction',
    'service-cluster-ip-range': SERVICE_RANGE,
  });
  await until('the API server is ready', () => isReady(API_PORT, caPem), { deadlineMs: BOOT_MS_MAX });
  const controllers = startControllerManager(keeper, layout, {
    controllers: '*',
    'node-monitor-grace-period': '20s',
    'cluster-cidr': POD_RANGE,
    'service-cluster-ip-range': SERVICE_RANGE,
  });
  return [apiServer, controllers];
}

/** Starts the control plane. Resolves to the function that changes its configuration. */
async function startControlPlane(prepared: Prepared): Promise<World['reconfigure']> {
  const { keeper, layout, world } = prepared;
  startEtcd(keeper, layout);
  let readers = await startReaders(prepared);
  await define(world.kubectl, CRD);
  startScheduler(keeper, layout);
  return async (files) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(layout.configDir, name), text);
    for (const reader of readers) reader.kill('SIGKILL');
    await Promise.all(readers.map(({ exited }) => exited));
    readers = await startReaders(prepared);
  };
}

/** Starts kube-proxy on the machine of the API server, which calls webhooks by their Services, and CoreDNS. */
async function startMaster({ keeper, kubeconfigOf, world }: Prepared): Promise<Child> {
  const name = 'control-plane';
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { unschedulable: true } };
  await world.admin.create(Nodes, node as KubeObject);
  const status = JSON.stringify({ status: { addresses: [{ type: 'InternalIP', address: MASTER }] } });
  await world.kubectl(['patch', 'node', name, '--subresource=status', '--type=merge', '-p', status]);
  const kubeconfig = kubeconfigOf(name);
  const config = join(world.dir, 'config/kube-proxy.json');
  writeFileSync(config, proxyJson(kubeconfig, name));
  const proxy = keeper.start('kube-proxy', binary('kube-proxy'), flags({ config }), { env: ENV });
  const corefile = join(world.dir, 'config/Corefile');
  const kubernetes = `kubernetes cluster.local in-addr.arpa {\n    kubeconfig ${kubeconfig}\n    ttl 5\n  }`;
  writeFileSync(corefile, `.:53 {\n  errors\n  cache 5\n  ${kubernetes}\n}\n`);
  keeper.start('coredns', binary('coredns'), ['-conf', corefile]);
  return proxy;
}

async function startMachines({ keeper, kubeconfigOf, world }: Prepared): Promise<Machine[]> {
  const images = imagesIn(FOLDER);
  const place = { keeper, dir: world.dir, kubeconfigOf };
  const machines = Array.from({ length: MACHINES }, (_, index) => new Machine(index + 1, place));
  await Promise.all(machines.map((machine) => machine.prepare(images)));
  for (const machine of machines) machine.join();
  return machines;
}

const hasReady = (node: KubeObject | undefined): boolean =>
  ((node?.status as { conditions?: Array<{ type: string; status: string }> })?.conditions ?? []).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );

export const isNodeReady = async ({ admin }: Pick<World, 'admin'>, name: string): Promise<boolean> =>
  hasReady(await admin.get({ resource: Nodes, name }));

/** Waits until the node is Ready. */
export async function untilNodeReady(world: Pick<World, 'admin'>, name: string): Promise<void> {
  await until(`${name} is Ready`, () => isNodeReady(world, name), { deadlineMs: BOOT_MS_MAX, everyMs: 250 });
}

async function bringUp(prepared: Prepared): Promise<Pick<World, 'machines' | 'proxy' | 'reconfigure'>> {
  await makeNetwork();
  const [machines, reconfigure] = await Promise.all([startMachines(prepared), startControlPlane(prepared)]);
  const proxy = await startMaster(prepared);
  for (const { name } of machines) await untilNodeReady(prepared.world, name);
  return { machines, proxy, reconfigure };
}

/** Boots the whole cluster. Resolves when both nodes are Ready and pods can be created. */
export async function bootWorld(): Promise<World> {
  const prepared = await prepare();
  const { keeper, nextAuthority, world } = prepared;
  const { admin } = world;
  const running = await bringUp(prepared).catch(async (error: Error) => {
    await keeper.stop();
    throw error;
  });
  const operator = startOperator(admin);
  const pods = new PodWatcher(admin);
  return {
    ...{ ...world, ...running, keeper, nextAuthority, pods },
    createNamespace: async (name, labels = {}) => {
      const metadata = { name, labels: { ...labels } };
      await admin.apply({ resource: Namespaces, name }, { metadata }, { manager: 'test' });
      const account = { resource: ServiceAccounts, namespace: name, name: 'default' };
      await until(`pods can be made in namespace ${name}`, () => admin.get(account));
    },
    stop: async () => {
      await operator.stop();
      await pods.stop();
      await keeper.stop();
    },
  };
}
