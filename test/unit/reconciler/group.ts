/**
 * A network of validators in one World, published and injected, for tests of the restart rules.
 */

import { type Discovery, discover, type Group } from '../../../peers/discovery/discover.ts';
import { digestOf, formatDigests, identityOf, viewHash } from '../../../peers/hash.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import { renderView, viewOf } from '../../../peers/views/views.ts';
import type { World } from '../../../peers/world.ts';
import type { JournalEntry } from '../../../reconciler/plan/journal/journal.ts';
import { liveDigests } from '../../../reconciler/plan/restarts/liveness.ts';
import {
  planGroup,
  type RolloutInput,
  type RolloutSettings,
} from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS, type SetbackLookup } from '../../../reconciler/plan/restarts/setbacks.ts';
import { parseWindows } from '../../../reconciler/plan/restarts/windows.ts';
import { type Evidence, evidenceData } from '../../../reconciler/plan/signals/evidence.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';

export const NOW_MS = Date.parse('2026-06-01T00:00:00Z');
export const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;

const ALWAYS = parseWindows('');
if (!ALWAYS) throw new Error('no windows');

export const SETTINGS: RolloutSettings = {
  ownNamespace: 'stellar-peers',
  rollBelow: 8,
  rollFor: 'auto',
  adoptExisting: false,
  deleteMinAgeMs: 60_000,
  maxUnavailable: { value: 1, isPercent: false },
  quorumCheck: 'hold',
  quorumUnknown: 'auto',
  minReadyMs: 300_000,
  minRestartIntervalMs: 600_000,
  maxRestartsPerHour: 12,
  windows: ALWAYS,
  expectedRestartMs: 600_000,
  progressDeadlineMs: 3_600_000,
  reloadMs: 300_000,
  reloadDeadlineMs: 1_800_000,
  stabilizationMs: 30_000,
  stabilizationMsMax: 600_000,
};

type Raw = ReturnType<typeof node>;
type PodOptions = NonNullable<Parameters<typeof pod>[1]>;

/** What differs for one validator from a Ready, injected one that knows `knows`. */
export interface Spec {
  readonly knows?: readonly string[];
  readonly node?: NonNullable<Parameters<typeof node>[1]>;
  readonly statefulSet?: NonNullable<Parameters<typeof statefulSet>[1]> | 'none';
  readonly pod?: PodOptions | 'none';
}

export interface Extra {
  readonly ownAnnotations?: Record<string, string> | 'missing';
  readonly namespace?: {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  readonly pdbs?: Raw[];
  readonly journal?: Record<string, string>;
  readonly webhookCreatedAt?: string | 'missing';
  /** The validator whose view is not published. The views of all others are published as of now. */
  readonly unpublished?: readonly string[];
  /** Use these peers for the published view of a validator instead of the right ones. */
  readonly maxPeers?: number;
}

export const digest = (name: string): string => digestOf(identityOf('stellar', `${name}-0`, 11_625));

export const at = (secondsAgo: number): string => new Date(NOW_MS - secondsAgo * 1000).toISOString();

/** A key as stellar-core writes them, of one letter. */
const publicKey = (name: string): string => `G${name.toUpperCase().repeat(55)}`;

/** stellar-core's quorum set of these validators. */
export const setOf = (names: readonly string[], percent: number): string =>
  `[QUORUM_SET]\nTHRESHOLD_PERCENT=${percent}\nVALIDATORS=${JSON.stringify(names.map(publicKey))}\n`;

/** Annotations of a pod that started knowing these. */
export const stamp = (names: readonly string[]): Record<string, string> => ({
  'stellar.org/peer-hash': viewHash(names.map((name) => identityOf('stellar', `${name}-0`, 11_625))),
  'stellar.org/peers': formatDigests(names.map(digest)),
});

/** Three validators that know each other, and a fourth that joined: `a` is to be restarted first. */
export const JOINED: Readonly<Record<string, Spec>> = {
  a: { knows: ['b', 'c'] },
  b: { knows: ['a', 'c'] },
  c: { knows: ['a', 'b'] },
  d: {},
};

/** The journal entry of a restart of that validator. The restart is under way, unless `more` has an outcome. */
export const restartOf = (name: string, more: Partial<JournalEntry> = {}): JournalEntry => ({
  ...{ statefulSet: `stellar/${name}`, kind: 'bump', uids: [`pod-${name}`], token: 'token', drift: 'short' },
  atMs: NOW_MS,
  ...more,
});

/** The webhook configuration as it is installed. */
export const webhookOf = (createdAt: string): Raw => ({
  metadata: { name: 'stellar-peers', creationTimestamp: createdAt } as Raw['metadata'],
  webhooks: [
    {
      name: 'pods.peers.stellar.org',
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
      objectSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } },
      namespaceSelector: {
        matchExpressions: [{ key: 'stellar.org/peer-injection', operator: 'NotIn', values: ['disabled'] }],
      },
      clientConfig: { url: 'https://127.0.0.1:1/mutate-pods' },
    },
  ],
});

/** The World of these validators, all in namespace `stellar`, on a custom network. */
export const networkWorld = (specs: Readonly<Record<string, Spec>>, extra: Extra = {}): World =>
  worldWith(networkParts(specs, extra));

/** The raw objects of that World. */
export function networkParts(specs: Readonly<Record<string, Spec>>, extra: Extra = {}): Parts {
  const network = { network: 'custom', customNetworkPassphrase: 'test net' };
  const nodes = Object.entries(specs).map(([name, spec]) =>
    node(name, { ...spec.node, spec: { ...network, ...spec.node?.spec } }),
  );
  const statefulSets = Object.entries(specs).flatMap(([name, spec]) =>
    spec.statefulSet === 'none' ? [] : [statefulSet(name, spec.statefulSet)],
  );
  const pods = Object.entries(specs).flatMap(([name, spec]) => {
    if (spec.pod === 'none') return [];
    const others = Object.keys(specs).filter((other) => other !== name);
    return [pod(name, { annotations: stamp(spec.knows ?? others), ...spec.pod })];
  });
  const own = { metadata: { name: 'stellar-peers', namespace: 'stellar-peers' }, data: {} };
  const namespace = { metadata: { name: 'stellar', ...extra.namespace } as Raw['metadata'] };
  const base = {
    nodes,
    statefulSets,
    pods,
    services: Object.keys(specs).map((name) => ({
      metadata: { name: `${name}-headless`, namespace: 'stellar' },
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    })),
    pdbs: extra.pdbs ?? [],
    namespaces: [namespace],
    ...(extra.journal ? { journal: extra.journal } : {}),
    ...(extra.webhookCreatedAt === 'missing'
      ? {}
      : { webhook: webhookOf(extra.webhookCreatedAt ?? '2025-01-01T00:00:00Z') }),
  };
  const ownMaps =
    extra.ownAnnotations === 'missing'
      ? []
      : [{ ...own, metadata: { ...own.metadata, annotations: extra.ownAnnotations ?? {} } }];
  const data = publishedData(discover(worldWith(base), DISCOVERY), extra);
  const views = { metadata: { name: 'stellar-peers', namespace: 'stellar' }, data };
  return { ...base, configMaps: [...ownMaps, views] };
}

/** The World where the pod of that validator has other facts. */
export function withPod(world: World, name: string, change: object): World {
  const pod = world.pods.get(`stellar/${name}-0`);
  if (!pod) throw new Error('no pod');
  return { ...world, pods: new Map(world.pods).set(pod.key, { ...pod, ...change }) };
}

/** The World once the ports of pods, by UID, have shown that, and the leader has published it. */
export function withShown(world: World, shown: Readonly<Record<string, Partial<Evidence>>>): World {
  const metadata = { name: 'stellar-peers', namespace: 'stellar-peers' };
  const each = Object.entries(shown).map(([uid, more]) => [uid, { seen: [], apart: [], ...more }] as const);
  const data = evidenceData({ world, ownNamespace: metadata.namespace, answers: new Map(each) });
  const configMaps = new Map(world.configMaps).set(metadata.namespace, readConfigMap({ metadata, data }));
  return { ...world, configMaps };
}

function publishedData(discovery: Discovery, extra: Extra): Record<string, string> {
  const data: Record<string, string> = {};
  for (const group of discovery.groups.values()) {
    for (const { key, name } of group.validators) {
      if (discovery.skipped.has(key) || extra.unpublished?.includes(name)) continue;
      Object.assign(
        data,
        renderView(name, { view: viewOf(key, group, extra.maxPeers ?? 24), externals: [] }, NOW_MS),
      );
    }
  }
  return data;
}

export interface PlanOptions {
  readonly settings?: Partial<RolloutSettings>;
  readonly nowMs?: number;
  readonly quietMs?: number;
  readonly changingMs?: number;
  readonly setbacks?: SetbackLookup;
  /** For how long the leader has seen that pod Ready; default: by the condition of the pod. */
  readonly readyForMs?: RolloutInput['readyForMs'];
  /** For how long the leader has seen that pod not Ready; default: for ever. */
  readonly downForMs?: RolloutInput['downForMs'];
  /** Since when the lists have named their peers; default: unknown. */
  readonly listedSinceMs?: RolloutInput['listedSinceMs'];
  /** Members that ran within the last 10 min although they do not now. */
  readonly wasLive?: readonly string[];
}

/** The World's one group, and what its plan is made of. */
export function inputOf(
  world: World,
  options: PlanOptions = {},
): { readonly group: Group; readonly input: RolloutInput } {
  const discovery = discover(world, DISCOVERY);
  const [group] = discovery.groups.values();
  if (!group) throw new Error('no group');
  const live = liveDigests(world, discovery);
  const nowMs = options.nowMs ?? NOW_MS;
  const input: RolloutInput = {
    world,
    discovery,
    settings: { ...SETTINGS, ...options.settings },
    setbacks: options.setbacks ?? NO_SETBACKS,
    nowMs,
    readyForMs: options.readyForMs ?? (({ readyChangedAtMs = nowMs }) => nowMs - readyChangedAtMs),
    downForMs: options.downForMs ?? (() => Number.POSITIVE_INFINITY),
    quiet: () => ({ quietMs: options.quietMs ?? 3_600_000, changingMs: options.changingMs ?? 0 }),
    listedSinceMs: options.listedSinceMs ?? (() => Number.POSITIVE_INFINITY),
    liveness: {
      isLive: (each) => live.has(each),
      wasLive: (each) => live.has(each) || (options.wasLive ?? []).map(digest).includes(each),
    },
  };
  return { group, input };
}

const named = (reasons: ReadonlyMap<string, Reason>) =>
  Object.fromEntries([...reasons].map(([key, why]) => [key.replace('stellar/', ''), why.code]));

/** The plan of the World's one group: the restart, and the reason of each waiting validator. */
export function planOf(world: World, options: PlanOptions = {}) {
  const { group, input } = inputOf(world, options);
  const { restart, holds, remarks, recheckInMs } = planGroup(group, input);
  return {
    group: group.key,
    remarks: named(remarks),
    details: Object.fromEntries([...holds].map(([key, why]) => [key.replace('stellar/', ''), why.detail])),
    restart: restart && `${restart.kind} ${restart.validator.name}`,
    token: restart?.token,
    replaced: restart?.pods.map(({ name }) => name),
    holds: named(holds),
    recheckInMs,
  };
}
