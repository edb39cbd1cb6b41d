/**
 * Waiting until the leader has nothing left to do: how a test knows that a restart which did not come will not come.
 * It takes the place of a pause of some seconds, and covers more: what is due is waited for, however long it takes.
 */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Namespaces, StatefulSets } from '../../runtime/kube/resources.ts';
import type { Cluster } from './boot.ts';
import type { Replica } from './replica.ts';
import { until } from './until.ts';

/** A hold that ends by itself within this time is waited for; all those of the shortened settings are shorter. */
const AHEAD_MS = 4_000;
/** The first pass that ends may have begun before the call, and the second before our change had reached the caches. */
const PASSES = 3;

interface SettledOptions {
  /** A namespace that the replicas watch. Default our own. */
  readonly namespace?: string;
  /** How many restarts stay under way, because the test holds them up. Default 0. */
  readonly underWay?: number;
  /** How long nothing must fall due, in ms. Default 4,000; more where the replicas' settings are longer. */
  readonly aheadMs?: number;
  readonly deadlineMs?: number;
}

/** What the leader's metrics say of its last pass. */
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
    // Before the change: the pass that it causes may end while it is still being answered.
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

/** A change that means nothing, and that every leader looks at everything for. */
async function ring(cluster: Admin, namespace: string): Promise<void> {
  const label = { op: 'add', path: '/metadata/labels/test-rings', value: randomUUID() } as const;
  await cluster.admin.patch({ resource: Namespaces, name: namespace }, [label]);
}

/** Undefined while no replica leads. */
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

/** All samples of a metric, added up. */
function sumOf(page: string, name: string): number {
  const samples = page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.+)$`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

/**
 * Resolves when every StatefulSet has the pods that it wants: where no replica of ours runs, its controller alone
 * replaces any.
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
