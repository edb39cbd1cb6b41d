/**
 * The surroundings of a machine or a cluster, inside the namespaces of run.ts: the network between machines, a folder, keys
 * and kubeconfigs.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Issued } from '../../certs/source.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createKube } from '../../runtime/kube/client.ts';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import type { Kube } from '../../runtime/kube/port.ts';
import { writeConfig, writeKubeconfig } from '../cluster/config-files.ts';
import type { Layout } from '../cluster/control-plane.ts';
import { Keeper } from '../cluster/keeper.ts';
import { runKubectl } from '../cluster/kubectl.ts';
import { requestToken } from '../cluster/token.ts';
import { newAuthority } from './authority.ts';
import { each } from './commands.ts';
import { imagesIn } from './images.ts';
import { Machine } from './machine.ts';
import { MASTER, SERVICE_RANGE } from './machine-files.ts';

export const API_PORT = 6443;
export const MACHINES = 2;
/** The folder into which run.ts has put the images. */
export const FOLDER = process.env.NODE_TEST_FOLDER ?? '';

/** A cgroup for containers that are in no pod, which run.ts removes. */
export function cgroupName(): string {
  const name = process.env.NODE_TEST_CGROUP;
  if (name === undefined) throw new Error('real nodes need namespaces of their own: run "make node-test"');
  return `/${name}`;
}

export async function makeNetwork(): Promise<void> {
  await each(
    'ip link set lo up',
    'ip link add machines type bridge',
    `ip addr add ${MASTER}/24 dev machines`,
    'ip link set machines up',
    // A connection reaches the rules of kube-proxy only if there is a route to its address.
    `ip route add ${SERVICE_RANGE} dev machines`,
    'sysctl -qw net.ipv4.ip_forward=1',
  );
}

export interface Prepared {
  readonly layout: Layout;
  readonly keeper: Keeper;
  readonly caPem: string;
  /** Signs the API server's next certificate. All but pods trust both CAs from the start. */
  readonly nextAuthority: Issued;
  readonly kubeconfigOf: (name: string) => string;
  readonly world: {
    readonly dir: string;
    readonly server: string;
    readonly kubeconfigPath: string;
    readonly admin: Kube;
    kubectl(args: readonly string[], stdin?: string): Promise<string>;
    /** Writes a kubeconfig with a token of that ServiceAccount. */
    serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  };
}

/** Makes the user of a kubeconfig trust these CAs. */
function trust(path: string, caPem: string): void {
  const config = JSON.parse(readFileSync(path, 'utf8')) as { clusters: Array<{ cluster: object }> };
  const data = { 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
  for (const { cluster } of config.clusters) Object.assign(cluster, data);
  writeFileSync(path, JSON.stringify(config));
}

export async function prepare(): Promise<Prepared> {
  const dir = mkdtempSync(join(FOLDER, 'world-'));
  const configDir = join(dir, 'config');
  const server = `https://${MASTER}:${API_PORT}`;
  const names = Array.from({ length: MACHINES }, (_, index) => `node-${index + 1}`);
  const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(16).toString('hex')]));
  const { caPem: first, kubeconfigPath } = writeConfig(configDir, server, 0, tokens);
  const nextAuthority = await newAuthority();
  const caPem = first + nextAuthority.certPem;
  const controllers = join(configDir, 'controllers.kubeconfig');
  for (const path of [kubeconfigPath, controllers]) trust(path, caPem);
  const kubeconfigOf = (name: string): string => {
    const token = tokens[name];
    if (token === undefined) return controllers;
    return writeKubeconfig(join(configDir, `${name}.kubeconfig`), { server, caPem, token });
  };
  const admin = createKube(loadKubeConfig({ path: kubeconfigPath }), {
    ...{ clock: systemClock, timeoutMs: 15_000, userAgent: 'node-test' },
  });
  const ports = { etcdPort: 2379, etcdPeerPort: 2380, apiPort: API_PORT };
  const logs = join(dir, 'logs');
  const layout = { ...ports, dataDir: join(dir, 'data'), configDir, auditLog: join(logs, 'audit.log') };
  const kubectl = (args: readonly string[], stdin?: string) => runKubectl(dir, kubeconfigPath, args, stdin);
  return {
    ...{ layout, caPem, nextAuthority, kubeconfigOf, keeper: new Keeper(layout.dataDir, logs) },
    world: {
      ...{ dir, server, kubeconfigPath, admin, kubectl },
      serviceAccountKubeconfig: async (namespace, name) => {
        const token = await requestToken(admin, namespace, name);
        const path = join(configDir, `${namespace}.${name}.kubeconfig`);
        return writeKubeconfig(path, { server, caPem, token, namespace });
      },
    },
  };
}

/** One machine with containerd and the images, and no cluster around it. */
export async function bootMachine(): Promise<{ machine: Machine; dir: string; stop: () => Promise<void> }> {
  const { keeper, kubeconfigOf, world } = await prepare();
  const { dir } = world;
  await makeNetwork();
  const machine = new Machine(1, { keeper, dir, kubeconfigOf });
  await machine.prepare(imagesIn(FOLDER));
  return { machine, dir, stop: () => keeper.stop() };
}
