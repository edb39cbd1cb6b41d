/**
 * The witness' own computation of members and peers, from the StellarNodes.
 */
import { createHash } from 'node:crypto';
import { ConfigMaps } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { specOf } from '../workloads.ts';
import type { Plan } from './plan.ts';
import type { Stage } from './stage.ts';
import { annotationOf, isRunning, isSuspended, nodeOf, podsOf, setOf, split } from './standing.ts';

export interface Member {
  readonly node: string;
  readonly pod: string;
  readonly digest: string;
  readonly address: string;
}

export const keysOf = (plan: Plan): string[] =>
  plan.nodes.map(({ namespace, name }) => `${namespace}/${name}`);

/** The group of a StellarNode of the plan. */
export function groupOf(stage: Stage, key: string): string {
  const node = stage.plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === key);
  const scope = stage.settings.peerScope === 'namespace' ? `${split(key).namespace}.` : '';
  return `${scope}${node?.network ?? '?'}`;
}

const digestOf = (identity: string): string =>
  createHash('sha256').update(identity).digest('hex').slice(0, 8);

function portOf(stage: Stage, key: string): number {
  return Number(annotationOf(nodeOf(stage.server.store, key), 'stellar.org/peer-port') ?? 11_625);
}

/** The members of an existing StellarNode, suspended or not. */
export function membersOf(stage: Stage, key: string): Member[] {
  const { store } = stage.server;
  const node = nodeOf(store, key);
  if (!node || node.metadata.deletionTimestamp) return [];
  const set = isSuspended(node) ? undefined : setOf(store, key);
  const replicas = set ? specOf(set).replicas : Number(fieldsAt(node.spec).replicas ?? 1);
  const { namespace, name } = split(key);
  const port = portOf(stage, key);
  return Array.from({ length: replicas }, (_, ordinal) => {
    const pod = `${name}-${ordinal}`;
    const digest = digestOf(`${namespace}/${pod}:${port}`);
    const address = `${pod}.${name}-headless.${namespace}.svc.cluster.local:${port}`;
    return { node: key, pod: `${namespace}/${pod}`, digest, address };
  });
}

/** The peers that `key` should know: the members of the other active StellarNodes of its group. */
export function peersOf(stage: Stage, key: string): Member[] {
  const group = groupOf(stage, key);
  return keysOf(stage.plan)
    .filter((other) => other !== key && groupOf(stage, other) === group)
    .filter((other) => !isSuspended(nodeOf(stage.server.store, other)))
    .flatMap((other) => membersOf(stage, other));
}

/** Digests of all existing members of the group, also of suspended StellarNodes. */
export function existingIn(stage: Stage, key: string): Set<string> {
  const group = groupOf(stage, key);
  const keys = keysOf(stage.plan).filter((other) => groupOf(stage, other) === group);
  return new Set(keys.flatMap((other) => membersOf(stage, other).map(({ digest }) => digest)));
}

/** Digests of the members of a group whose pods run now. */
export function liveIn(stage: Stage, group: string): Set<string> {
  const { store } = stage.server;
  const keys = keysOf(stage.plan).filter((key) => groupOf(stage, key) === group);
  const live = keys.flatMap((key) => {
    const running = new Set(
      podsOf(store, key)
        .filter(isRunning)
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    );
    return membersOf(stage, key).filter(({ pod }) => running.has(pod));
  });
  return new Set(live.map(({ digest }) => digest));
}

export interface Published {
  readonly digests: readonly string[];
  readonly atMs: number;
  readonly addresses: readonly string[];
}

/** The list in the ConfigMap that a validator's pods mount. */
export function publishedFor(stage: Stage, key: string): Published | undefined {
  const { namespace, name } = split(key);
  const object = stage.server.store.get({ resource: ConfigMaps, namespace, name: 'stellar-peers' });
  const data = fieldsAt(object?.data) as Record<string, string>;
  const text = data[`${name}.view.json`];
  if (text === undefined) return undefined;
  try {
    const view = JSON.parse(text) as { peers: string; publishedAt: string };
    const list = view.peers.slice('v1:'.length);
    const addresses = (data[`${name}.peers.txt`] ?? '').split('\n').filter((line) => line !== '');
    return { digests: list === '' ? [] : list.split(','), atMs: Date.parse(view.publishedAt), addresses };
  } catch {
    return undefined;
  }
}
