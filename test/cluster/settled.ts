/**
 * Waits until the leader has nothing left to do. A test then knows that a restart which has not come will not come. This
 * replaces a pause of some seconds, and is safer, because it also waits for delayed work.
 */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Namespaces, StatefulSets } from '../../runtime/kube/resources.ts';
import type { Cluster } from './boot.ts';
import type { Replica } from './replica.ts';
import { until } from './until.ts';

/** Holds that end by themselves within this time are waited for. With the shortened settings, all holds are shorter. */
const AHEAD_MS = 4_000;
/** Passes to wait for: the first may have begun before the call, and the second before the caches had our change. */
const PASSES = 3;

interface SettledOptions {
  /** A namespace that the replicas watch. Default our own. */
  readonly namespace?: string;
  /** How many restarts stay under way, because the test holds them up. Default 0. */
  readonly underWay?: number;
  /** The time, in ms, in which nothing may become due. Default 4,000; set more if the replicas' settings are longer. */
  readonly aheadMs?: number;
  readonly deadlineMs?: number;
}

/** The leader's last pass, by its metrics. */
interface LastPass {
  readonly leader: string;
  readonly passes: number;
  readonly nextInMs: number;
  readonly underWay: number;
}

type Admin = Pick<Cluster, 'admin'>;
type Asked = Pick<Replica, 'name' | 'get'>;

interface Settling {
  readonly cluster: Admin;
  readonly replicas: { readonly replicas: readonly Asked[] } | undefined;
}

/**
 * Resolves when the leader has finished passes that began after this call, has no restart under way or being decided,
 * and would not look again by itself within `aheadMs`: a restart that was wanted has been made by then.
 */
export async function settled({ cluster, replicas }: Settling, options: SettledOptions = {}): Promise<void> {
  const { namespace = 'stellar-peers', underWay = 0, aheadMs = AHEAD_MS, deadlineMs = 60_000 } = options;
  const read = () => lastPassOf(replicas?.replicas ?? []);
  for (let round = 0; round < PASSES; round += 1) {
    // Read before the change, because the pass that it causes may end before the change is answered.
    const before = await until('a replica leads', read);
    await ring(cluster, namespace);
    await until(
      'the leader has nothing left to do',
      async () => {
        const now = await read();
        const isLater = now && (now.leader !== before.leader || now.passes > before.passes);
        if (isLater && now.nextInMs >= aheadMs && now.underWay === underWay) return true;
        throw new Error(`at first ${JSON.stringify(before)}, now ${JSON.stringify(now)}`);
      },
      { deadlineMs },
    );
  }
}

/** Makes a change without meaning that causes a full pass of the leader. */
async function ring(cluster: Admin, namespace: string): Promise<void> {
  const label = { op: 'add', path: '/metadata/labels/test-rings', value: randomUUID() } as const;
  await cluster.admin.patch({ resource: Namespaces, name: namespace }, [label]);
}

/** The last pass of the leader; undefined while no replica leads. */
async function lastPassOf(replicas: readonly Asked[]): Promise<LastPass | undefined> {
  const pages = await Promise.all(
    replicas.map(async (replica) => {
      const { body } = await replica.get('/metrics').catch(() => ({ body: '' }));
      return { leader: replica.name, body };
    }),
  );
  const found = pages.find(({ body }) => sumOf(body, 'stellar_peers_leader') === 1);
  if (!found) return undefined;
  return {
    leader: found.leader,
    passes: sumOf(found.body, 'stellar_peers_passes_total'),
    nextInMs: sumOf(found.body, 'stellar_peers_next_pass_seconds') * 1000,
    underWay: sumOf(found.body, 'stellar_peers_restarts_in_flight'),
  };
}

/** The sum of all samples of a metric. */
function sumOf(page: string, name: string): number {
  const samples = page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.+)$`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

/**
 * Resolves when every StatefulSet has the pods that it wants. For scenes without replicas of ours, where only the
 * StatefulSet controller replaces pods.
 */
export async function untilWorkloadsRest(cluster: Cluster): Promise<void> {
  await until('no StatefulSet is being rolled', async () => {
    const { items } = await cluster.admin.list(StatefulSets, {});
    return items.every(isAtRest);
  });
}

interface StatefulSetStatus {
  readonly observedGeneration?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly readyReplicas?: number;
}

function isAtRest({ metadata, spec, status }: KubeObject): boolean {
  const {
    observedGeneration,
    currentRevision,
    updateRevision,
    readyReplicas = 0,
  } = (status ?? {}) as StatefulSetStatus;
  const { replicas } = spec as { replicas: number };
  const hasRolled = currentRevision === updateRevision && readyReplicas === replicas;
  return observedGeneration === metadata.generation && hasRolled;
}
