/** Which namespaces may hold members of which network: `NETWORK_NAMESPACES`. */
import { type Reason, reason } from '../reasons/reasons.ts';
import type { Validator } from '../world.ts';
import { isLabel } from './address.ts';
import { NETWORK_ID } from './network.ts';

/** Namespaces by network id. A network that is not in the map is open to every namespace. */
export type NetworkNamespaces = ReadonlyMap<string, ReadonlySet<string>>;

/** The setting as it was read, or the problem in words: a typo must not leave a network open to all namespaces. */
export type NetworkNamespacesReading = { readonly allowed: NetworkNamespaces } | { readonly problem: string };

const trimmed = (text: string, separator: string): string[] =>
  text.split(separator).map((part) => part.trim());

/** Reads `<network>=<namespace>,<namespace>; <network>=…`; an empty text names no network. */
export function readNetworkNamespaces(text: string): NetworkNamespacesReading {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const entry of trimmed(text, ';').filter((part) => part !== '')) {
    const [network = '', list, ...rest] = trimmed(entry, '=');
    const namespaces = trimmed(list ?? '', ',').filter((part) => part !== '');
    const problem =
      rest.length > 0 ? `${entry} has more than one =` : problemOf(network, namespaces, allowed);
    if (problem !== undefined) return { problem };
    allowed.set(network, new Set(namespaces));
  }
  return { allowed };
}

function problemOf(
  network: string,
  namespaces: readonly string[],
  before: NetworkNamespaces,
): string | undefined {
  if (!NETWORK_ID.test(network)) return `"${network}" is no network`;
  if (before.has(network)) return `${network} is given twice`;
  if (namespaces.length === 0) return `${network} has no namespace`;
  const wrong = namespaces.find((namespace) => !isLabel(namespace));
  return wrong === undefined ? undefined : `"${wrong}" is no name of a namespace`;
}

/** Why the validator's namespace keeps it out of its network; undefined if it does not. */
export function keptOut(
  { namespace, network }: Validator,
  allowed: NetworkNamespaces | undefined,
): Reason | undefined {
  const namespaces = allowed?.get(network.id);
  if (!namespaces || namespaces.has(namespace)) return undefined;
  return reason('NamespaceNotAllowed', `${namespace} for ${network.id}`);
}
