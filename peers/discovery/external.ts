/**
 * Reads the peers outside the cluster from ConfigMap `stellar-peers-external` in our namespace: a key for each network,
 * a line for each peer. These peers are written into the files but are not part of the view, so no validator is ever
 * restarted for them.
 */

import { quoted } from '../field.ts';
import { type Reason, reasonOfAll } from '../reasons/reasons.ts';
import { byText, type ConfigMapFacts } from '../world.ts';
import { parseAddress } from './address.ts';
import { NETWORK_ID } from './network.ts';

export interface Externals {
  /** Addresses by network id, in order, each once. */
  readonly byNetwork: ReadonlyMap<string, readonly string[]>;
  /** The first entry of the ConfigMap that cannot be used, and how many more there are. */
  readonly problem: Reason | undefined;
}

/** More than people keep by hand: a list that grows without limit must not fill every ConfigMap. */
const PER_NETWORK_MAX = 100;

const NONE: Externals = { byNetwork: new Map(), problem: undefined };

/** Reads the ConfigMap. A line that is not `host:port` is left out and reported; the other lines count. */
export function readExternals(configMap: ConfigMapFacts | undefined): Externals {
  if (!configMap) return NONE;
  const byNetwork = new Map<string, readonly string[]>();
  const problems: string[] = [];
  for (const [key, text] of Object.entries(configMap.data).sort(([a], [b]) => byText(a, b))) {
    if (NETWORK_ID.test(key)) byNetwork.set(key, addressesIn(key, text, problems));
    else problems.push(`${key} is no network`);
  }
  // kubectl puts a file that is not UTF-8 into `binaryData`. Such keys are found among the foreign keys.
  for (const key of configMap.foreignKeys)
    if (configMap.data[key] === undefined) problems.push(`${key} is no UTF-8 text`);
  return { byNetwork, problem: reasonOfAll('InvalidExternalPeers', problems) };
}

function addressesIn(key: string, text: string, problems: string[]): readonly string[] {
  const addresses = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    const address = parseAddress(content);
    if (address === undefined) problems.push(`${key} line ${index + 1}: ${quoted(content)}`);
    else addresses.add(address);
  }
  if (addresses.size > PER_NETWORK_MAX) problems.push(`${key} has more than ${PER_NETWORK_MAX} peers`);
  return [...addresses].sort(byText).slice(0, PER_NETWORK_MAX);
}
