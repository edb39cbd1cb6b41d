/**
 * The overview in our own namespace, for people and programs: every running validator of every network.
 * Pure; names none of the keys that the upstream operator's own discovery writes.
 */
import { type Discovery, podOf } from '../peers/discover.ts';
import { listOf, parseJson } from '../peers/field.ts';
import { byText, type ConfigMapFacts, type Key, type World } from '../peers/world.ts';

/** Below the API server's 1 MiB limit of an object, with room for metadata. */
const OVERVIEW_BYTES_MAX = 900 * 1024;

interface Entry {
  readonly namespace: string;
  readonly name: string;
  readonly ordinal: number;
  readonly dns: string;
  readonly ip: string;
  readonly port: number;
  /** How many of the peers that it should know it is connected to; only where its HTTP port is open to us. */
  readonly connected?: number;
  readonly expected?: number;
  readonly synced?: boolean;
}

/** How a validator is connected, by pod. */
export type Connections = ReadonlyMap<Key, { connected: number; expected: number; synced: boolean }>;

interface NetworkEntry {
  readonly network: string;
  readonly title: string;
  readonly peers: Entry[];
}

function runningPeers(
  world: World,
  discovery: Discovery,
  connections: Connections,
): Map<string, NetworkEntry> {
  const networks = new Map<string, NetworkEntry>();
  for (const group of discovery.groups.values()) {
    const { id, title } = group.network;
    const entry = networks.get(id) ?? { network: id, title: title.slice(0, TITLE_LENGTH_MAX), peers: [] };
    networks.set(id, entry);
    for (const member of group.members) {
      const statefulSet = discovery.statefulSetOf.get(member.node);
      const pod = statefulSet && podOf(world, statefulSet, member.ordinal);
      if (!pod?.running || pod.deleting || pod.ip === undefined) continue;
      const name = member.pod.slice(0, member.pod.lastIndexOf('-'));
      const { namespace, ordinal, dns, port } = member;
      entry.peers.push({ namespace, name, ordinal, dns, ip: pod.ip, port, ...connections.get(pod.key) });
    }
  }
  return networks;
}

/** A passphrase may be as long as the API server takes objects; nobody's must push out the others. */
const TITLE_LENGTH_MAX = 100;

const rendered = (networks: readonly NetworkEntry[]): string => `${JSON.stringify(networks, undefined, 1)}\n`;

const lineOf = (entry: Entry): string => `${entry.ip}:${entry.port}\n`;

/** A list of entries is three levels deep in the text, and each level indents every line of them. */
const nested = (...entries: readonly Entry[]): number => JSON.stringify([[entries]], undefined, 1).length;
const EMPTY_BYTES = nested();

/** Bytes of an entry as it stands in both keys. */
const bytesOf = (entry: Entry): number => lineOf(entry).length + nested(entry) - EMPTY_BYTES;

/** Bytes of a network without its peers. */
const headBytesOf = (network: NetworkEntry): number =>
  Buffer.byteLength(JSON.stringify([{ ...network, peers: [] }], undefined, 1));

/** Public networks first, those without a running validator last: StellarNodes alone must push nobody out. */
const rank = ({ network, peers }: NetworkEntry): number =>
  peers.length === 0 ? 2 : Number(network.startsWith('custom-'));

/** Networks, and peers of each, that fit into the limit. */
function fitting(networks: readonly NetworkEntry[]): NetworkEntry[] {
  let bytes = 4096;
  const fits = (more: number) => {
    if (bytes + more > OVERVIEW_BYTES_MAX) return false;
    bytes += more;
    return true;
  };
  return [...networks]
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((network) =>
      fits(headBytesOf(network))
        ? [{ ...network, peers: network.peers.filter((peer) => fits(bytesOf(peer))) }]
        : [],
    )
    .sort((a, b) => byText(a.network, b.network));
}

/** Data of the overview ConfigMap. `discovered_at` is `nowMs`: whoever compares leaves it out. */
export function overviewData(
  world: World,
  discovery: Discovery,
  connections: Connections,
  nowMs: number,
): Record<string, string> {
  const networks = [...runningPeers(world, discovery, connections).values()].sort((a, b) =>
    byText(a.network, b.network),
  );
  const shown = fitting(networks);
  const kept = shown.flatMap((network) => network.peers);
  const all = networks.flatMap((network) => network.peers);
  const active = [...discovery.groups.values()].flatMap((group) =>
    group.validators.filter((validator) => !discovery.skipped.has(validator.key)),
  );
  const metadata = {
    discovered_at: new Date(nowMs).toISOString(),
    peer_count: kept.length,
    active_validators: active.length,
    ...(kept.length < all.length || shown.length < networks.length ? { truncated: true } : {}),
  };
  return {
    KNOWN_PEERS: kept.map(lineOf).join(''),
    'networks.json': rendered(shown),
    discovery_metadata: `${JSON.stringify(metadata)}\n`,
  };
}

/** What the overview in our own ConfigMap says of connections; nothing of what cannot be read. */
export function connectionsIn(overview: ConfigMapFacts | undefined): Connections {
  const networks = listOf(parseJson(overview?.data['networks.json'] ?? ''));
  const peers = networks.flatMap((network) => listOf(network.peers));
  return new Map(
    peers.flatMap(({ namespace, name, ordinal, connected, expected, synced }) =>
      typeof connected === 'number' && typeof expected === 'number'
        ? [[`${namespace}/${name}-${ordinal}`, { connected, expected, synced: synced === true }] as const]
        : [],
    ),
  );
}

/** The same text without the time at which it was made. */
export const withoutTime = (text: string): string => text.replace(/"discovered_at":"[^"]*",?/, '');
