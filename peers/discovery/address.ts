/** Checks peer addresses that people write: with one malformed entry, stellar-core does not start. */
import { DEFAULT_PEER_PORT } from '../names.ts';

const HOST_LENGTH_MAX = 253;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Resolvers read a host whose last label is a number, decimal or hexadecimal, as an IPv4 address, never as a name. */
const ENDS_IN_NUMBER = /(^|\.)(\d+|0x[\da-f]*)\.?$/i;
const PORT = /^[1-9]\d{0,4}$/;

/** True for one label of a DNS name (RFC 1123), in lower case. */
export const isLabel = (text: string): boolean => LABEL.test(text);

/** True for four decimal octets without leading zeros. Some resolvers read an octet with a leading zero as octal. */
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
 * `text` as `host:port`: an IPv4 address or DNS name, and the port or stellar-core's default port. Undefined for
 * anything else, such as IPv6 addresses and names with underscores, which stellar-core does not accept.
 */
export function parseAddress(text: string): string | undefined {
  const [host = '', port, ...rest] = text.trim().toLowerCase().split(':');
  if (rest.length > 0 || !isHost(host)) return undefined;
  if (port === undefined) return `${host}:${DEFAULT_PEER_PORT}`;
  const number = PORT.test(port) ? Number(port) : 0;
  return number > 0 && number <= 65_535 ? `${host}:${number}` : undefined;
}

/** IPv4 ranges that lead to no other machine or to many: unspecified, loopback, link-local, multicast, reserved. */
const NOT_REMOTE = /^(0|127|169\.254|22[4-9]|23\d|24\d|25[0-5])\./;
const API_SERVER = /^kubernetes(\.default(\.svc(\..+)?)?)?$/;

/** False for an address that leads to the dialling machine itself, to many machines, or to the API server. */
export function canBePeerAddress(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  if (isIpv4(host)) return !NOT_REMOTE.test(host);
  return !API_SERVER.test(host) && !/^(.+\.)?localhost$/.test(host);
}
