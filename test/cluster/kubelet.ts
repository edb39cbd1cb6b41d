/**
 * The part of a kubelet that kwok leaves out: makes the volumes of a stored pod as folders, really runs its init container
 * for the configuration, and shows the files under the mounts of the main container.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, Pods } from '../../runtime/kube/resources.ts';
import type { Cluster } from './boot.ts';

interface Mount {
  readonly name: string;
  readonly mountPath: string;
}

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly volumeMounts?: readonly Mount[];
}

interface Volume {
  readonly name: string;
  readonly configMap?: {
    readonly name: string;
    readonly items?: ReadonlyArray<{ key: string; path: string }>;
  };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Volume[];
}

const INIT = 'stellar-peers-config';
const TERMINATION_LOG = '/dev/termination-log';

/** The files of the main container in a started pod. */
export interface StartedPod {
  /** The init container's exit status, output and termination message; undefined without an init container. */
  readonly init:
    | { readonly status: number | null; readonly log: string; readonly message: string }
    | undefined;
  /** The file at a path in the main container. Throws if there is none. */
  read(path: string): string;
  /** The visible names in a folder of the main container. */
  list(path: string): string[];
}

/**
 * Makes the pod's volumes from its present ConfigMaps, runs our init container under `shell`, and writes its termination
 * message into the pod's status, as a kubelet does. The folders are removed when the process ends.
 */
export async function startPod(
  cluster: Cluster,
  pod: { readonly namespace: string; readonly name: string },
  shell: readonly string[] = ['sh'],
): Promise<StartedPod> {
  const stored = await cluster.admin.get({ resource: Pods, ...pod });
  if (!stored) throw new Error(`there is no pod ${pod.namespace}/${pod.name}`);
  const root = mkdtempSync(join(tmpdir(), 'stellar-peers-pod-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  const spec = stored.spec as unknown as PodSpec;
  for (const volume of spec.volumes) await fill(cluster, pod.namespace, volume, root);
  const container = spec.initContainers?.find(({ name }) => name === INIT);
  const init = container && run(container, root, shell);
  if (init) await writeStatus(cluster, pod, init.message);
  const [main] = spec.containers.filter(({ name }) => name === 'stellar-node');
  const inside = (path: string) =>
    placeOf(path, main?.volumeMounts ?? [], root) ?? `nothing is mounted at ${path}`;
  return {
    init,
    read: (path) => readFileSync(inside(path), 'utf8'),
    list: (path) => readdirSync(inside(path)).filter((name) => !name.startsWith('.')),
  };
}

const folderOf = (root: string, volume: string): string => join(root, volume);

/** Writes a ConfigMap as the kubelet does: a folder behind the link `..data`, and a link for each key. */
async function fill(
  cluster: Cluster,
  namespace: string,
  { name, configMap }: Volume,
  root: string,
): Promise<void> {
  const folder = folderOf(root, name);
  mkdirSync(folder, { recursive: true });
  if (!configMap) return;
  const object: KubeObject | undefined = await cluster.admin.get({
    resource: ConfigMaps,
    namespace,
    name: configMap.name,
  });
  const data = (object?.data ?? {}) as Record<string, string>;
  const items = configMap.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  mkdirSync(join(folder, '..2026_11_23'));
  symlinkSync('..2026_11_23', join(folder, '..data'));
  for (const { key, path } of items) {
    const text = data[key];
    if (text === undefined) continue;
    writeFileSync(join(folder, '..data', path), text);
    symlinkSync(join('..data', path), join(folder, path));
  }
}

/** The folder or file behind a path in a container; undefined if nothing is mounted there. */
function placeOf(path: string, mounts: readonly Mount[], root: string): string | undefined {
  const mount = mounts
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
  return mount && join(folderOf(root, mount.name), path.slice(mount.mountPath.length));
}

/** Runs the stored command unchanged, except for the paths in its arguments. */
function run({ command = [], volumeMounts = [] }: Container, root: string, shell: readonly string[]) {
  const log = join(root, 'termination-log');
  writeFileSync(log, '');
  const [program, ...args] = command;
  if (program !== 'sh') throw new Error(`the init container runs ${program}`);
  const mapped = args.map((arg) =>
    arg === TERMINATION_LOG ? log : (placeOf(arg, volumeMounts, root) ?? arg),
  );
  const [first = 'sh', ...options] = shell;
  const result = spawnSync(first, [...options, ...mapped], { encoding: 'utf8', cwd: dirname(log), env: {} });
  if (result.error) throw result.error;
  return {
    status: result.status,
    log: `${result.stdout}${result.stderr}`,
    message: readFileSync(log, 'utf8').trim(),
  };
}

async function writeStatus(
  cluster: Cluster,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  message: string,
): Promise<void> {
  const at = new Date().toISOString();
  const terminated = { exitCode: 0, reason: 'Completed', startedAt: at, finishedAt: at, message };
  const state = { name: INIT, image: '', imageID: '', ready: true, restartCount: 0, state: { terminated } };
  const patch = JSON.stringify({ status: { initContainerStatuses: [state] } });
  const args = ['patch', 'pod', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', patch];
  await cluster.kubectl(args);
}
