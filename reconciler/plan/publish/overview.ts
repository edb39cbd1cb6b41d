/** The overview in our own namespace, for people and programs: every running validator of every network. Pure. */
import type { Cluster, Member } from '../../../peers/discovery/discover.ts';
import { isRunning, podOf, type RunningPod } from '../../../peers/discovery/pods.ts';
import { fieldsOf, listOf, parseJson, textOf } from '../../../peers/field.ts';
import { byText, type ConfigMapFacts, type Key } from '../../../peers/world.ts';

/** Below the API server's 1 MiB limit of an object, with room for metadata. */
const OVERVIEW_BYTES_MAX = 900 * 1024;

/** With the connections only if its HTTP port is open to us. */
interface Entry extends Partial<Connection> {
  readonly namespace: string;
  readonly name: string;
  readonly ordinal: number;
  readonly dns: string;
  readonly ip: string;
  readonly port: number;
}

/** How many of its expected peers a validator is connected to. */
export interface Connection {
  readonly connected: number;
  readonly expected: number;
  readonly synced: boolean;
}

/** The connections of validators, by pod. */
export type Connections = ReadonlyMap<Key, Connection>;

interface Network {
  readonly network: string;
  readonly title: string;
  readonly peers: Entry[];
}

/** The input of the overview, and its size limit. */
export interface OverviewInput extends Cluster {
  readonly connections: Connections;
  /** The DNS domain of the cluster where CLUSTER_DOMAIN is known to be wrong. */
  readonly rightDomain?: string | undefined;
  readonly bytesMax?: number;
}

function runningPeers({ world, discovery, connections }: OverviewInput): Network[] {
  const networks = new Map<string, Network>();
  for (const group of discovery.groups.values()) {
    const { id, title } = group.network;
    const entry = networks.get(id) ?? { network: id, title: title.slice(0, TITLE_LENGTH_MAX), peers: [] };
    networks.set(id, entry);
    for (const member of group.members) {
      const pod = podOf(member, world, discovery);
      if (isRunning(pod)) entry.peers.push(entryOf(member, pod, connections.get(pod.key)));
    }
  }
  return [...networks.values()].sort((a, b) => byText(a.network, b.network));
}

/** A passphrase may be as long as a whole object, and must not push out the other networks. */
const TITLE_LENGTH_MAX = 100;

function entryOf(member: Member, pod: RunningPod, connection: Connection | undefined): Entry {
  const name = member.pod.slice(0, member.pod.lastIndexOf('-'));
  const { namespace, ordinal, dns, port } = member;
  return { namespace, name, ordinal, dns, ip: pod.ip, port, ...connection };
}

const lineOf = ({ ip, port }: Entry): string => `${ip}:${port}\n`;

const render = (networks: readonly Network[]): string => `${JSON.stringify(networks, undefined, 1)}\n`;

/** Bytes of an entry in both keys, with all that may stand around it in its list. */
const entryBytesOf = (entry: Entry): number =>
  lineOf(entry).length + JSON.stringify(entry, undefined, 4).length + AROUND_BYTES;
const AROUND_BYTES = 10;
/** Room for everything beside the lists. */
const FRAME_BYTES = 4096;

const headBytesOf = (network: Network): number => Buffer.byteLength(render([{ ...network, peers: [] }]));

/** Public networks first, those without a running validator last: StellarNodes alone must push none out. */
const rank = ({ network, peers: { length } }: Network): number =>
  length === 0 ? 2 : Number(network.startsWith('custom-'));

/** The networks, and the entries of each, that fit into the limit. */
function fitting(networks: readonly Network[], bytesMax: number): Network[] {
  let bytes = FRAME_BYTES;
  const fits = (more: number) => {
    if (bytes + more > bytesMax) return false;
    bytes += more;
    return true;
  };
  return [...networks]
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((network) =>
      fits(headBytesOf(network))
        ? [{ ...network, peers: network.peers.filter((entry) => fits(entryBytesOf(entry))) }]
        : [],
    )
    .sort((a, b) => byText(a.network, b.network));
}

const entriesIn = (networks: readonly Network[]): Entry[] => networks.flatMap(({ peers }) => peers);

/** Data of the overview ConfigMap. `discovered_at` is `nowMs`: a comparison leaves it out. */
export function overviewData(input: OverviewInput, nowMs: number): Record<string, string> {
  const networks = runningPeers(input);
  const shown = fitting(networks, Math.min(input.bytesMax ?? OVERVIEW_BYTES_MAX, OVERVIEW_BYTES_MAX));
  const active = [...input.discovery.activeIn.values()].reduce((sum, { length }) => sum + length, 0);
  const entries = entriesIn(shown);
  const isWhole = entries.length === entriesIn(networks).length && shown.length === networks.length;
  const metadata = {
    discovered_at: new Date(nowMs).toISOString(),
    peer_count: entries.length,
    active_validators: active,
    ...(isWhole ? {} : { truncated: true }),
    ...(input.rightDomain === undefined ? {} : { cluster_domain: input.rightDomain }),
  };
  return {
    KNOWN_PEERS: entries.map(lineOf).join(''),
    'networks.json': render(shown),
    discovery_metadata: `${JSON.stringify(metadata)}\n`,
  };
}

/** The connections in the overview of our own ConfigMap, without entries that cannot be read. */
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

/** The DNS domain of the cluster, if the leader has found that CLUSTER_DOMAIN is wrong. */
export function rightDomainIn(data: ConfigMapFacts['data'] | undefined): string | undefined {
  const domain = textOf(fieldsOf(parseJson(data?.discovery_metadata ?? '')).cluster_domain);
  return domain !== undefined && DOMAIN.test(domain) ? domain : undefined;
}

/** The format of CLUSTER_DOMAIN. Any other text is not shown. */
const DOMAIN = /^[a-z0-9][-a-z0-9.]{0,251}[a-z0-9]$/;

/** The same text without the time at which it was made. */
export const withoutTime = (text: string): string => text.replace(/"discovered_at":"[^"]*",?/, '');
