/**
 * Peers outside the cluster: ConfigMap `stellar-peers-external` in our namespace, a key per network, a peer a line.
 * They stand in the files beside the view and are no part of it: no validator is ever restarted for them.
 */

import { type Reason, reason } from '../reasons/reasons.ts';
import { byText, type ConfigMapFacts } from '../world.ts';
import { parseAddress } from './address.ts';
import { NETWORK_ID } from './network.ts';

export interface Externals {
  /** Addresses by network id, in order, each once. */
  readonly byNetwork: ReadonlyMap<string, readonly string[]>;
  /** What of the ConfigMap cannot be used: the first of it, and how much more. */
  readonly problem: Reason | undefined;
}

/** More than people keep by hand; a list gone wild must not fill every ConfigMap. */
const PER_NETWORK_MAX = 100;
const SHOWN_MAX = 60;

const NONE: Externals = { byNetwork: new Map(), problem: undefined };

/** What the ConfigMap says. A line that is no `host:port` is left out and told; the others count. */
export function readExternals(configMap: ConfigMapFacts | undefined): Externals {
  if (!configMap) return NONE;
  const byNetwork = new Map<string, readonly string[]>();
  const problems: string[] = [];
  for (const [key, text] of Object.entries(configMap.data).sort(([a], [b]) => byText(a, b))) {
    if (NETWORK_ID.test(key)) byNetwork.set(key, addressesIn(key, text, problems));
    else problems.push(`${key} is no network`);
  }
  // kubectl puts a file into `binaryData` that is no UTF-8, and such keys are foreign wherever they are known.
  for (const key of configMap.foreignKeys)
    if (configMap.data[key] === undefined) problems.push(`${key} is no UTF-8 text`);
  const [first, ...others] = problems;
  if (first === undefined) return { byNetwork, problem: undefined };
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  return { byNetwork, problem: reason('InvalidExternalPeers', `${first}${more}`) };
}

function addressesIn(key: string, text: string, problems: string[]): readonly string[] {
  const addresses = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    const address = parseAddress(content);
    if (address === undefined) problems.push(`${key} line ${index + 1}: ${shown(content)}`);
    else addresses.add(address);
  }
  if (addresses.size > PER_NETWORK_MAX) problems.push(`${key} has more than ${PER_NETWORK_MAX} peers`);
  return [...addresses].sort(byText).slice(0, PER_NETWORK_MAX);
}

const shown = (text: string): string => JSON.stringify(text.slice(0, SHOWN_MAX));
