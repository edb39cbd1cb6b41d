/** What stellar-peers tells people: Events on StellarNodes, its metrics, and the status table. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Events } from '../../runtime/resources.ts';
import type { Cluster } from './boot.ts';
import type { Replica } from './replica.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface ToldEvent {
  readonly node: string;
  readonly reason: string;
  readonly type: string;
  readonly note: string;
}

/** Events that we wrote about the StellarNodes of a namespace. */
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

/** Samples of the replicas' metrics that begin with `series`, added up. */
export async function metricOf(replicas: readonly Replica[], series: string): Promise<number> {
  const pages = await Promise.all(replicas.map((replica) => replica.get('/metrics')));
  const lines = pages.flatMap(({ body }) => body.split('\n')).filter((line) => line.startsWith(series));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** What `stellar-peers status` prints, with the rights of our ServiceAccount. */
export async function statusOf(
  cluster: Cluster,
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
