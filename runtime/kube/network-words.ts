/** Says in words why there was no answer, and what to check. Messages of Node and OpenSSL are for programmers. Pure. */
import { PROXY_NAMED_IN } from './proxy.ts';

const REFUSED = 'nothing listens there: check the address, and whether the API server runs';
const NO_WAY = 'there is no route to it: check the network, a VPN, and whether a proxy is needed';
const CUT = 'the connection was cut: check proxies and load balancers on the way';
const UNTRUSTED = 'no trusted CA has signed its certificate: check certificate-authority of the kubeconfig';
const UNKNOWN_NAME = 'its name is not known: check the address, the network and DNS';
const NO_TLS = 'it does not speak TLS: check whether its address should begin with http://';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: REFUSED,
  ENOTFOUND: UNKNOWN_NAME,
  EAI_AGAIN: UNKNOWN_NAME,
  ECONNRESET: CUT,
  EPIPE: CUT,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  ETIMEDOUT: NO_WAY,
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: check server and tls-server-name',
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock here is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock here is wrong',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
};

/** With an HTTP proxy, these are errors of the way to the proxy: the proxy itself looks up and connects to the server. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([REFUSED, UNKNOWN_NAME, NO_WAY]);

/** Why the proxy failed, in words. The client library gives the proxy's answer only in the message. */
function proxyWords({ code = '', message = '' }: Partial<NodeJS.ErrnoException>): string | undefined {
  if (NOT_CONNECTED.has(WORDS[code] ?? ''))
    return `the proxy cannot be reached (${code}): check ${PROXY_NAMED_IN}`;
  const [, status] = /^Bad response: (\d+)$/.exec(message) ?? [];
  if (status === undefined) return undefined;
  const more = status === '407' ? ', and their name and password' : '';
  return `the proxy does not connect to the API server (HTTP ${status}): check ${PROXY_NAMED_IN}${more}`;
}

/** Why there was no answer, and what to check. */
export function networkWords(cause: unknown, isByProxy: boolean): string {
  const { code = '', message } = cause as Partial<NodeJS.ErrnoException>;
  if (isTimeout(cause)) return 'no answer in time: check the network, a VPN, and firewalls';
  const words = (isByProxy ? proxyWords(cause as NodeJS.ErrnoException) : undefined) ?? WORDS[code];
  if (words !== undefined) return words;
  if (code.startsWith('ERR_OSSL')) return 'a certificate or key of the kubeconfig cannot be used';
  return code === '' ? String(message ?? cause) : `the connection failed with ${code}`;
}

/** True if a deadline ended the request. Node gives the deadline as the cause of the error. */
export const isTimeout = (cause: unknown): boolean =>
  cause instanceof Error && (cause.name === 'TimeoutError' || isTimeout(cause.cause));
