/**
 * Reading what stellar-core's command port answers. Owns the answers' shape only; who asks, when and over
 * what is decided elsewhere. The texts come from a process that is not ours: nothing in them is trusted.
 */
import { isIpv4 } from '../discovery/address.ts';
import { cutText, fieldsOf, listOf, numberOf, parseJson, textOf } from '../field.ts';

/** What `/info` says, as far as we look at it. */
export interface CoreInfo {
  /** Says that it is synced, has an authenticated peer, and closed a ledger lately. */
  readonly synced: boolean;
  readonly authenticated: number;
  readonly ledgerAgeSeconds: number;
  /** At most 60 printable characters. */
  readonly state: string;
  /** How many failures of others would stop it: 1 where the next one does, 0 where it has stopped. */
  readonly failAt?: number;
  /** How many of its quorum set it does not hear. */
  readonly missing?: number;
}

/** stellar-core itself takes 64 inbound and 8 outbound connections by default. */
const ADDRESSES_MAX = 1000;
const STATE_LENGTH_MAX = 60;
/** stellar-core calls consensus stuck when no ledger closed for this long. */
const STUCK_AFTER_SECONDS = 35;

const ADDRESS = /^([\d.]+):([1-9]\d{0,4})$/;

function isAddress(text: string | undefined): text is string {
  const [, host = '', port] = ADDRESS.exec(text ?? '') ?? [];
  return isIpv4(host) && Number(port) <= 65_535;
}

/** No peers in one direction is written as null. */
const isPeerList = (value: unknown): boolean => value === null || Array.isArray(value);

/**
 * `ip:port` of the authenticated peers in the body of `GET /peers`, whichever end dialled; at most 1000, and
 * what is no IPv4 address with a port is passed over. Undefined where the text is not such an answer.
 */
export function connectedAddresses(text: string): ReadonlySet<string> | undefined {
  const { inbound, outbound } = fieldsOf(fieldsOf(parseJson(text)).authenticated_peers);
  if (!isPeerList(inbound) || !isPeerList(outbound)) return undefined;
  const addresses = [...listOf(outbound), ...listOf(inbound)].map((peer) => textOf(peer.address));
  return new Set(addresses.filter(isAddress).slice(0, ADDRESSES_MAX));
}

const countOf = (value: unknown): number | undefined => {
  const number = numberOf(value);
  return number !== undefined && number >= 0 ? number : undefined;
};

const printable = (text: string): string => cutText(text.replace(/[^\x20-\x7e]/g, ''), STATE_LENGTH_MAX);

/**
 * The body of `GET /info`; undefined where the text is not such an answer. `synced` is more than the state:
 * that stays "Synced!" for a node that lost its last peer.
 */
export function coreInfoOf(text: string): CoreInfo | undefined {
  const info = fieldsOf(fieldsOf(parseJson(text)).info);
  const state = textOf(info.state)?.trim();
  const authenticated = countOf(fieldsOf(info.peers).authenticated_count);
  const ledgerAgeSeconds = countOf(fieldsOf(info.ledger).age);
  if (state === undefined || authenticated === undefined || ledgerAgeSeconds === undefined) return undefined;
  const synced = state === 'Synced!' && authenticated >= 1 && ledgerAgeSeconds <= STUCK_AFTER_SECONDS;
  return { synced, authenticated, ledgerAgeSeconds, state: printable(state), ...quorumIn(info.quorum) };
}

/** What it says of its quorum set; nothing of what it does not say. */
function quorumIn(quorum: unknown): Pick<CoreInfo, 'failAt' | 'missing'> {
  const { fail_at: failAt, missing } = fieldsOf(fieldsOf(quorum).qset);
  const counts = {
    failAt: countOf(failAt),
    missing: Array.isArray(missing) ? missing.length : countOf(missing),
  };
  return {
    ...(counts.failAt === undefined ? {} : { failAt: counts.failAt }),
    ...(counts.missing === undefined ? {} : { missing: counts.missing }),
  };
}

/**
 * Whether the body of `GET /connect` says that the peer is being dialled. Every command is answered with
 * status 200; a refused one with `{"exception": …}` or a sentence on what must be given.
 */
export const isConnecting = (text: string): boolean => text.startsWith('Connect to: ');
