/** Which network a StellarNode belongs to: both generations of `spec.network` map to one identity. */
import { createHash } from 'node:crypto';
import { cutText } from '../field.ts';

/** Every network id. The keys of `stellar-peers-external` are network ids too. */
export const NETWORK_ID = /^(mainnet|testnet|futurenet|custom-[0-9a-f]{16})$/;

export interface Network {
  /** `mainnet`, `testnet`, `futurenet`, or `custom-` with 16 hex digits of the passphrase's SHA-256. */
  readonly id: string;
  /** For people: the public name, or the passphrase of a custom network. */
  readonly title: string;
  readonly isPublic: boolean;
}

/** Passphrases of the public networks. A Map: in an object, `constructor` would count as a passphrase. */
const PASSPHRASES: ReadonlyMap<string, string> = new Map([
  ['Public Global Stellar Network ; September 2015', 'mainnet'],
  ['Test SDF Network ; September 2015', 'testnet'],
  ['Test SDF Future Network ; October 2022', 'futurenet'],
]);
const PUBLIC_NAMES = new Set(PASSPHRASES.values());

const publicNetwork = (name: string): Network => ({ id: name, title: name, isPublic: true });

/** A passphrase may have a megabyte; people see only its beginning. */
const TITLE_LENGTH_MAX = 256;

function passphraseNetwork(passphrase: unknown): Network | undefined {
  if (typeof passphrase !== 'string' || passphrase === '') return undefined;
  const name = PASSPHRASES.get(passphrase);
  if (name !== undefined) return publicNetwork(name);
  const hex = createHash('sha256').update(passphrase).digest('hex').slice(0, 16);
  return { id: `custom-${hex}`, title: cutText(passphrase, TITLE_LENGTH_MAX), isPublic: false };
}

/** The value under a key of any case: `{Custom: …}` and `{custom: …}` both occur. */
function customOf(network: object): unknown {
  const entry = Object.entries(network).find(([key]) => key.toLowerCase() === 'custom');
  return entry?.[1];
}

/** The network of a spec, or undefined. `custom` with the passphrase of a public network is that network. */
export function networkOf(spec: Readonly<Record<string, unknown>>): Network | undefined {
  const { network } = spec;
  if (typeof network === 'object' && network !== null) return passphraseNetwork(customOf(network));
  if (typeof network !== 'string') return undefined;
  const name = network.toLowerCase();
  if (PUBLIC_NAMES.has(name)) return publicNetwork(name);
  return name === 'custom' ? passphraseNetwork(spec.customNetworkPassphrase) : undefined;
}
