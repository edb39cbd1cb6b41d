/** Reads the output of stellar-peers for people: Events on StellarNodes, metrics, and the status table. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigMaps, Events } from '../../runtime/kube/resources.ts';
import type { Cluster } from './boot.ts';
import type { Replica } from './replica.ts';
import { type Scene, SHORT } from './scene.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface ToldEvent {
  readonly node: string;
  readonly reason: string;
  readonly type: string;
  readonly note: string;
}

/** Our Events about the StellarNodes of a namespace. */
export async function eventsIn(cluster: Cluster, namespace: string): Promise<ToldEvent[]> {
  const { items } = await cluster.admin.list(Events, { namespace });
  return items
    .filter(({ reportingController }) => reportingController === 'stellar-peers')
    .map(({ regarding, reason, type, note }) => ({
      node: (regarding as { name: string }).name,
      reason: String(reason),
      type: String(type),
      note: String(note),
    }));
}

/** The sum of all samples of the replicas' metrics whose line begins with `series`. */
export async function metricOf(replicas: readonly Replica[], series: string): Promise<number> {
  const pages = await Promise.all(replicas.map((replica) => replica.get('/metrics')));
  const lines = pages.flatMap(({ body }) => body.split('\n')).filter((line) => line.startsWith(series));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** The output of `stellar-peers status`, with the rights of our ServiceAccount. */
export async function statusOf(
  cluster: Pick<Cluster, 'serviceAccountKubeconfig'>,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const kubeconfig = await cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['main.ts', 'status', '--kubeconfig', kubeconfig],
    { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } },
  );
  return stdout;
}

interface Waiting {
  readonly namespace: string;
  readonly names: readonly string[];
  /** The code of the reason. */
  readonly reason: string;
  /** Settings that differ from the shortened ones. `status` decides by the settings of its own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Waits until Event, metric and status show that these validators wait for the reason. Resolves to the status. */
export async function untilWaiting(
  { cluster, replicas }: Pick<Scene, 'cluster' | 'replicas'>,
  { namespace, names, reason, env = {} }: Waiting,
): Promise<string> {
  await until(`Events in ${namespace} have ${reason}`, async () => {
    const events = await eventsIn(cluster, namespace);
    return names.every((name) => events.some((event) => event.node === name && event.reason === reason));
  });
  await until(`the metric counts ${names.length} with ${reason}`, async () => {
    const count = await metricOf(replicas?.replicas ?? [], `stellar_peers_waiting{reason="${reason}"}`);
    return count >= names.length;
  });
  return await until(`status shows ${names.join(', ')} with ${reason}`, async () => {
    const status = await statusOf(cluster, { ...SHORT, ...env });
    if (!names.every((name) => isTold(status, `${namespace}/${name}`, reason))) throw new Error(status);
    return status;
  });
}

/** True if the text shows the validator under this reason, alone or with other validators. */
export function isTold(text: string, key: string, reason: string): boolean {
  if (text.includes(`  ${key}  ${reason}\n`)) return true;
  const lists = text.matchAll(new RegExp(`^ {2}\\d+ validators {2}${reason}\\n {4}(.*)$`, 'gm'));
  return [...lists].some(([, list = '']) => list.split(', ').includes(key));
}

/** An entry of the journal: one restart. */
export interface JournalEntry {
  readonly statefulSet: string;
  readonly at: string;
  readonly kind: string;
  readonly token: string;
  readonly before?: string;
  /** Undefined while it is under way. */
  readonly outcome?: string;
  readonly endedAt?: string;
  /** The code of the reason why the restart was taken back. */
  readonly why?: string;
}

/** All restarts in the journal for which `wanted` is true, oldest first. */
export async function journalOf(
  cluster: Pick<Cluster, 'admin'>,
  wanted: (entry: JournalEntry) => boolean = () => true,
): Promise<JournalEntry[]> {
  const ref = { resource: ConfigMaps, namespace: 'stellar-peers', name: 'stellar-peers-restarts' };
  const texts = Object.values((await cluster.admin.get(ref))?.data ?? {}) as string[];
  return texts
    .flatMap((text) => (JSON.parse(text) as { restarts: JournalEntry[] }).restarts)
    .filter(wanted)
    .sort((a, b) => a.at.localeCompare(b.at));
}
