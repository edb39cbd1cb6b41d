/** Finds the proxy for a server, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY as Go programs read them. Pure. */
import { BlockList, isIP } from 'node:net';

type Env = Readonly<Record<string, string | undefined>>;

/** The proxy for `server`; undefined if there is none. */
export function proxyOf(server: string, env: Env): string | undefined {
  const { protocol, hostname, port } = new URL(server);
  const variable = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = env[variable] || env[variable.toLowerCase()];
  if (!proxy) return undefined;
  const host = hostname.replace(/^\[|\]$/g, '');
  const at = { host, port: port || (protocol === 'https:' ? '443' : '80') };
  const exceptions = (env.NO_PROXY || env.no_proxy || '').split(',').map((text) => text.trim().toLowerCase());
  if (isLoopback(host) || exceptions.some((text) => text !== '' && isException(text, at))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** The places where a proxy is configured, for error messages. */
export const PROXY_NAMED_IN = 'HTTPS_PROXY, or proxy-url of the kubeconfig';

/** An address without the user name and password that it may contain, for messages. */
export const withoutPassword = (address: string): string => address.replace(/^(\w+:\/\/)?.*@/s, '$1');

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Matches an entry of NO_PROXY: `*`, an address or block, a domain with its subdomains, or `.domain` for these only. */
function isException(text: string, at: { readonly host: string; readonly port: string }): boolean {
  if (text === '*') return true;
  if (text.includes('/')) return isWithin(text, at.host);
  const [, name = '', port = at.port] =
    /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(text) === 6 ? `[${text}]` : text) ?? [];
  if (port !== at.port) return false;
  const bare = name.replace(/^\*?\./, '');
  return at.host.endsWith(`.${bare}`) || (at.host === bare && bare === name);
}

function isWithin(block: string, host: string): boolean {
  const [network = '', bits = ''] = block.split('/');
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(bits), kind);
  return list.check(host, kind);
}
