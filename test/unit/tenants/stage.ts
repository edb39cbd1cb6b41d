/**
 * Two tenants: `stellar` with three validators, and `mallory`, who writes whatever the API server
 * accepts. Owns the objects; each test has its own assertions.
 */
import { type DiscoverySettings, discover } from '../../../peers/discovery/discover.ts';
import { readNetworkNamespaces } from '../../../peers/discovery/namespace-allowlist.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { DISCOVERY, NOW_MS, stamp } from '../reconciler/group.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';

const OWN = 'stellar-peers';
export const MALLORY = 'mallory';
export const VICTIMS = ['a', 'b', 'c'];

/** The settings of discovery with this value of NETWORK_NAMESPACES. */
export function settingsWith(networkNamespaces: string): DiscoverySettings {
  const reading = readNetworkNamespaces(networkNamespaces);
  if ('problem' in reading) throw new Error(reading.problem);
  return { ...DISCOVERY, networkNamespaces: reading.allowed };
}

/** One StellarNode of mallory's, in network `testnet`, with a running pod unless said otherwise. */
export function foreign(
  name: string,
  options: {
    spec?: Record<string, unknown>;
    annotations?: Record<string, string>;
    statefulSet?: Record<string, unknown>;
    bare?: boolean;
  } = {},
): Parts {
  const { spec = {}, annotations = {}, bare = false } = options;
  const nodes = [node(name, { namespace: MALLORY, annotations, spec })];
  if (bare) return { nodes };
  const sets = [statefulSet(name, { namespace: MALLORY, spec: options.statefulSet ?? {} })];
  return { nodes, statefulSets: sets, pods: [pod(name, { namespace: MALLORY })] };
}

/** Three validators in `stellar` that have known each other for long, and the objects that mallory adds. */
export function withVictims(...added: Parts[]): Parts {
  const all: Parts[] = [
    {
      nodes: VICTIMS.map((name) => node(name)),
      statefulSets: VICTIMS.map((name) => statefulSet(name)),
      pods: VICTIMS.map((name) =>
        pod(name, { annotations: stamp(VICTIMS.filter((other) => other !== name)) }),
      ),
    },
    ...added,
  ];
  const of = (key: 'nodes' | 'statefulSets' | 'pods'): Raw[] => all.flatMap((parts) => parts[key] ?? []);
  return {
    nodes: of('nodes'),
    statefulSets: of('statefulSets'),
    pods: of('pods'),
    namespaces: ['stellar', MALLORY, OWN].map((name) => ({ metadata: { name } })),
    configMaps: [{ metadata: { name: OWN, namespace: OWN, annotations: {} }, data: {} }],
  };
}

/** The plan for ConfigMaps: the data by namespace, and the reasons that are reported. */
export function published(parts: Parts, settings: DiscoverySettings = DISCOVERY, maxPeers = 24) {
  const world = worldWith(parts);
  const discovery = discover(world, settings);
  const plan = planPublish(world, discovery, { ownNamespace: OWN, maxPeers }, NOW_MS);
  const data = (namespace: string): Readonly<Record<string, string>> =>
    plan.configMaps.find((write) => write.namespace === namespace)?.data ?? {};
  const lines = (namespace: string, name: string): string[] =>
    (data(namespace)[`${name}.peers.txt`] ?? '').split('\n').filter((line) => line !== '');
  return { world, discovery, plan, data, lines };
}

/** The same objects after publishing: the ConfigMaps have the published lists. */
export function afterPublishing(parts: Parts, settings: DiscoverySettings = DISCOVERY): Parts {
  const { plan } = published(parts, settings);
  const writes = plan.configMaps.map(({ namespace, data }) => ({
    metadata: { name: OWN, namespace, managedFields: [appliedBy(Object.keys(data))] },
    data,
  }));
  return { ...parts, configMaps: writes };
}

const appliedBy = (keys: readonly string[]) => ({
  manager: 'stellar-peers',
  operation: 'Apply',
  fieldsV1: { 'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) },
});

const bytes = (data: Readonly<Record<string, string>>): number =>
  Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
export const bytesIn = (parts: Parts, namespace: string): number => bytes(published(parts).data(namespace));
