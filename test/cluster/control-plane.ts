/** The programs of the control plane and their flags. `make setup` provides the binaries. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Keeper } from './keeper.ts';

const CACHE = join(import.meta.dirname, '../../.cache');
/** The folders of binaries. With KUBERNETES=oldest, those of the oldest supported release come first. */
const FOLDERS = process.env.KUBERNETES === 'oldest' ? ['oldest', 'bin'] : ['bin'];

export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

/** Path of a binary that `make setup` has found or built. */
export function binary(name: string): string {
  const places = FOLDERS.map((folder) => join(CACHE, folder, name));
  const path = places.find((place) => existsSync(place));
  if (path === undefined) throw new Error(`${name} is not at ${places.join(' or ')}: run "make setup"`);
  return path;
}

export interface Layout {
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly apiPort: number;
  readonly dataDir: string;
  readonly configDir: string;
  readonly auditLog: string;
}

/** Flags of a component by their names, without the dashes. */
type Flags = Readonly<Record<string, string | number | boolean>>;

export const flags = (values: Flags): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

export function startEtcd(keeper: Keeper, layout: Layout): Child {
  const client = `http://127.0.0.1:${layout.etcdPort}`;
  const peer = `http://127.0.0.1:${layout.etcdPeerPort}`;
  return keeper.start(
    'etcd',
    binary('etcd'),
    flags({
      name: 'test',
      'data-dir': join(layout.dataDir, 'etcd'),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `test=${peer}`,
      'unsafe-no-fsync': true,
      'log-level': 'warn',
    }),
  );
}

/** Starts the API server. `others` are more flags; they replace flags of the same name. */
export function startApiServer(keeper: Keeper, layout: Layout, others: Flags = {}): Child {
  const config = (file: string) => join(layout.configDir, file);
  return keeper.start(
    'kube-apiserver',
    binary('kube-apiserver'),
    flags({
      'etcd-servers': `http://127.0.0.1:${layout.etcdPort}`,
      'bind-address': '127.0.0.1',
      'allow-privileged': 'true',
      'advertise-address': '127.0.0.1',
      // Without kube-proxy nothing follows the Service "kubernetes", and its endpoint may not be loopback.
      'endpoint-reconciler-type': 'none',
      'secure-port': layout.apiPort,
      'tls-cert-file': config('apiserver.crt'),
      'tls-private-key-file': config('apiserver.key'),
      'token-auth-file': config('tokens.csv'),
      'service-account-key-file': config('service-accounts.key'),
      'service-account-signing-key-file': config('service-accounts.key'),
      'service-account-issuer': 'https://kubernetes.default.svc',
      'authorization-mode': 'Node,RBAC',
      'service-cluster-ip-range': '10.96.0.0/16',
      'audit-policy-file': config('audit-policy.json'),
      'audit-log-path': layout.auditLog,
      'audit-log-maxsize': 0,
      profiling: false,
      ...others,
    }),
  );
}

export function startScheduler(keeper: Keeper, layout: Layout): Child {
  return keeper.start(
    'kube-scheduler',
    binary('kube-scheduler'),
    flags({
      kubeconfig: join(layout.configDir, 'controllers.kubeconfig'),
      'leader-elect': false,
      'secure-port': 0,
    }),
  );
}

export function startKwok(keeper: Keeper, layout: Layout): Child {
  return keeper.start(
    'kwok',
    binary('kwok'),
    flags({
      kubeconfig: join(layout.configDir, 'controllers.kubeconfig'),
      config: join(layout.configDir, 'kwok.json'),
      'manage-all-nodes': true,
    }),
  );
}

/** Starts the controller-manager. `others` are more flags; they replace flags of the same name. */
export function startControllerManager(keeper: Keeper, layout: Layout, others: Flags = {}): Child {
  const config = (file: string) => join(layout.configDir, file);
  return keeper.start(
    'kube-controller-manager',
    binary('kube-controller-manager'),
    flags({
      kubeconfig: config('controllers.kubeconfig'),
      'service-account-private-key-file': config('service-accounts.key'),
      'root-ca-file': config('ca.crt'),
      'leader-elect': false,
      'secure-port': 0,
      // Simulated nodes send hardly any heartbeat.
      'node-monitor-grace-period': '1h',
      // Pods have loopback addresses here, which no EndpointSlice may name; nothing routes by them.
      controllers: '*,-endpoints-controller,-endpointslice-controller',
      ...others,
    }),
  );
}

/** Starts controller-manager, scheduler and kwok, which takes the place of the kubelets. */
export const startControllers = (keeper: Keeper, layout: Layout): Child[] => [
  startControllerManager(keeper, layout),
  startScheduler(keeper, layout),
  startKwok(keeper, layout),
];
