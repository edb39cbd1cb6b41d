/** Reads the answers of stellar-core's command port. Nothing in them is trusted. */
import { isIpv4 } from '../discovery/address.ts';
import { cutText, fieldsOf, listOf, numberOf, parseJson, textOf } from '../field.ts';

/** The parts of an answer to `/info` that we use. */
export interface CoreInfo {
  /** True if stellar-core says that it is synced, has an authenticated peer, and has closed a ledger lately. */
  readonly synced: boolean;
  /** How many failures of other validators would stop this one: 1 if the next one does, 0 if it has stopped. */
  readonly failAt?: number | undefined;
  /** How many validators of its quorum set it does not hear. */
  readonly missing?: number | undefined;
}

/** stellar-core itself takes 64 inbound and 8 outbound connections by default. */
const ADDRESSES_MAX = 1000;
/** stellar-core calls consensus stuck when no ledger closed for this long. */
const STUCK_AFTER_SECONDS = 35;

const ADDRESS = /^([\d.]+):([1-9]\d{0,4})$/;

function isAddress(text: string | undefined): text is string {
  const [, host = '', port] = ADDRESS.exec(text ?? '') ?? [];
  return isIpv4(host) && Number(port) <= 65_535;
}

/** No peers in one direction is written as null. */
const isPeerList = (value: unknown): boolean => value === null || Array.isArray(value);

/** `ip:port` of at most 1000 authenticated peers, in the body of `GET /peers`; undefined for another text. */
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

/** The body of `GET /info`, or undefined. The state alone stays "Synced!" in a node that has lost its last peer. */
export function coreInfoOf(text: string): CoreInfo | undefined {
  const info = fieldsOf(fieldsOf(parseJson(text)).info);
  const state = textOf(info.state)?.trim();
  const authenticated = countOf(fieldsOf(info.peers).authenticated_count);
  const ledgerAgeSeconds = countOf(fieldsOf(info.ledger).age);
  if (state === undefined || authenticated === undefined || ledgerAgeSeconds === undefined) return undefined;
  const synced = state === 'Synced!' && authenticated >= 1 && ledgerAgeSeconds <= STUCK_AFTER_SECONDS;
  return { synced, ...quorumIn(info.quorum) };
}

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

/** True if the body of `GET /connect` says that stellar-core dials the peer. The status is 200 in any case. */
export const isConnecting = (text: string): boolean => text.startsWith('Connect to: ');

const WORDS_LENGTH_MAX = 200;

/** stellar-core's own words in an unexpected answer: its exception, or else the beginning, at most 200 characters. */
export function wordsOf(text: string): string {
  const words = textOf(fieldsOf(parseJson(text)).exception) ?? text;
  return cutText(words.replace(/[^\x20-\x7e]+/g, ' ').trim(), WORDS_LENGTH_MAX);
}
