/** Reads the addresses outside the cluster that a StellarNode itself names. None is a reason for a restart. */
import { parse, TomlError } from 'smol-toml';
import { parseAddress } from '../discovery/address.ts';
import { type Fields, fieldsOf, quoted } from '../field.ts';
import { type Reason, reasonOfAll } from '../reasons/reasons.ts';
import { byText, type SpecAddress } from '../world.ts';

export interface OwnPeers {
  readonly ownPeers: readonly SpecAddress[];
  /** Names by which the validator is reached from outside; they are in no list. */
  readonly outwardNames: readonly SpecAddress[];
  /** The first entry that cannot be used, and how many more there are. */
  readonly problem: Reason | undefined;
}

const PEERS_MAX = 100;
const ENTRIES_MAX = 1_000;
const TEXT_LENGTH_MAX = 64 * 1024;

const CLUSTERS = 'spec.crossCluster.peerClusters';
const KNOWN = 'spec.validatorConfig.knownPeers';

interface Found {
  readonly named: readonly SpecAddress[];
  readonly problems: readonly string[];
}

const NOTHING: Found = { named: [], problems: [] };
const one = (address: string, from: string): Found => ({ named: [{ address, from }], problems: [] });
const wrong = (from: string, what: string): Found => ({ named: [], problems: [`${from}: ${what}`] });

function all(parts: readonly Found[]): Found {
  return { named: parts.flatMap(({ named }) => named), problems: parts.flatMap(({ problems }) => problems) };
}

/** Reads the `spec` of a validator with this peer port. Never throws. */
export function readOwnPeers(spec: Fields, port: number): OwnPeers {
  const config = fieldsOf(spec.validatorConfig);
  const cross = fieldsOf(spec.crossCluster);
  const isOn = cross.enabled !== false;
  const peers = all([isOn ? peersOfClusters(cross.peerClusters) : NOTHING, peersOfText(config.knownPeers)]);
  const { externalDnsName } = fieldsOf(cross.externalName);
  const { hostname } = fieldsOf(config.externalDns);
  const names = all([
    isOn ? nameIn(externalDnsName, 'spec.crossCluster.externalName.externalDnsName', port) : NOTHING,
    nameIn(hostname, 'spec.validatorConfig.externalDns.hostname', port),
  ]);
  const tooMany = peers.named.length > PEERS_MAX ? [`it names more than ${PEERS_MAX} peers`] : [];
  return {
    ownPeers: [...peers.named].sort((a, b) => byText(a.address, b.address)).slice(0, PEERS_MAX),
    outwardNames: names.named,
    problem: reasonOfAll('InvalidOwnPeers', [...peers.problems, ...names.problems, ...tooMany]),
  };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === '';

function peersOfClusters(value: unknown): Found {
  if (isAbsent(value)) return NOTHING;
  if (!Array.isArray(value)) return wrong(CLUSTERS, shown(value));
  const entries = value.slice(0, ENTRIES_MAX);
  return all(entries.map((entry, index) => peerOfCluster(fieldsOf(entry), `${CLUSTERS}[${index}]`)));
}

function peerOfCluster({ endpoint, port, enabled }: Fields, from: string): Found {
  if (enabled === false) return NOTHING;
  if (enabled !== true && !isAbsent(enabled)) return wrong(`${from}.enabled`, shown(enabled));
  if (!isAbsent(port) && (typeof port !== 'number' || parseAddress(`a:${port}`) === undefined))
    return wrong(`${from}.port`, shown(port));
  const address =
    typeof endpoint === 'string'
      ? parseAddress(isAbsent(port) ? endpoint : `${endpoint.trim()}:${port}`)
      : undefined;
  return address === undefined ? wrong(`${from}.endpoint`, shown(endpoint)) : one(address, from);
}

function nameIn(value: unknown, from: string, port: number): Found {
  if (isAbsent(value)) return NOTHING;
  const text = typeof value === 'string' ? value.trim() : '';
  const address = parseAddress(text.includes(':') ? text : `${text}:${port}`);
  return address === undefined ? wrong(from, shown(value)) : one(address, from);
}

function peersOfText(value: unknown): Found {
  if (isAbsent(value)) return NOTHING;
  if (typeof value !== 'string') return wrong(KNOWN, 'it is no text');
  if (value.length > TEXT_LENGTH_MAX) return wrong(KNOWN, `it is longer than ${TEXT_LENGTH_MAX} characters`);
  return readText(value);
}

/** `KNOWN_PEERS=[…]` as in stellar-core's configuration, or the list alone. */
function readText(text: string): Found {
  const isList = text.trimStart().startsWith('[');
  try {
    return peersOfToml(parse(isList ? text.replace('[', 'KNOWN_PEERS=[') : text));
  } catch (error) {
    const line = error instanceof TomlError ? error.line : 1;
    return wrong(KNOWN, `line ${line}: it is not TOML`);
  }
}

function peersOfToml({ KNOWN_PEERS: list = [], ...others }: Fields): Found {
  const unread = Object.keys(others).map((key) => wrong(KNOWN, `${shown(key)} is not read`));
  if (!Array.isArray(list)) return all([wrong(KNOWN, 'KNOWN_PEERS is no list'), ...unread]);
  return all([...list.map(peerOfEntry), ...unread]);
}

function peerOfEntry(entry: unknown): Found {
  const address = typeof entry === 'string' ? parseAddress(entry) : undefined;
  return address === undefined ? wrong(KNOWN, shown(entry)) : one(address, KNOWN);
}

/** A value as a reason shows it. A nested value is shown by its type, since it may be nested too deep to be written. */
function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'object' ? 'a list or an object' : String(value);
}
