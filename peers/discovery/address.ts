/**
 * Peer addresses that people write: what stellar-core takes as one, and nothing else. One malformed entry in
 * its configuration and the process does not start.
 */
import { DEFAULT_PEER_PORT } from '../names.ts';

const HOST_LENGTH_MAX = 253;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** A host whose last label is a number is an IPv4 address to resolvers, in decimal or hexadecimal, or none. */
const ENDS_IN_NUMBER = /(^|\.)(\d+|0x[\da-f]*)\.?$/i;
const PORT = /^[1-9]\d{0,4}$/;

/** True for one label of a DNS name (RFC 1123), in lower case. */
export const isLabel = (text: string): boolean => LABEL.test(text);

/** True for four octets in decimal, without leading zeros: some resolvers read those as octal. */
export const isIpv4 = (text: string): boolean => {
  const octets = text.split('.');
  return (
    octets.length === 4 && octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)
  );
};

function isHost(text: string): boolean {
  if (ENDS_IN_NUMBER.test(text)) return isIpv4(text);
  return text.length <= HOST_LENGTH_MAX && text.split('.').every(isLabel);
}

/**
 * `text` as `host:port`: an IPv4 address or DNS name, and the port, stellar-core's default where there is none.
 * Undefined for anything else; IPv6 and underscores are not taken by stellar-core.
 */
export function parseAddress(text: string): string | undefined {
  const [host = '', port, ...rest] = text.trim().toLowerCase().split(':');
  if (rest.length > 0 || !isHost(host)) return undefined;
  if (port === undefined) return `${host}:${DEFAULT_PEER_PORT}`;
  const number = PORT.test(port) ? Number(port) : 0;
  return number > 0 && number <= 65_535 ? `${host}:${number}` : undefined;
}

/** Of IPv4: this host, itself, link-local, multicast and what is reserved. */
const NOT_REMOTE = /^(0|127|169\.254|22[4-9]|23\d|24\d|25[0-5])\./;
/** The API server, as pods call it. */
const API_SERVER = /^kubernetes(\.default(\.svc(\..+)?)?)?$/;

/**
 * False for an address that leads each one that dials it to its own machine, to all machines of its network, or to the
 * API server of its cluster.
 */
export function isOfAPeer(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  if (isIpv4(host)) return !NOT_REMOTE.test(host);
  return !API_SERVER.test(host) && !/^(.+\.)?localhost$/.test(host);
}
