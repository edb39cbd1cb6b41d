/** Checks certificates: is a bundle good for these hosts at this time, and can a CA sign? Pure. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { greatestOf, leastOf } from '../peers/lists.ts';
import { trialLeaf } from './authority.ts';
import { chainTo, isIssuedBy } from './chain.ts';
import type { Bundle, Issued, Validity } from './source.ts';

type CertReason =
  | 'Empty'
  | 'Unreadable'
  | 'KeyMismatch'
  | 'WrongIssuer'
  | 'NotYetValid'
  | 'Expired'
  | 'WrongHost';

export interface Fault {
  readonly reason: CertReason;
  readonly sentence: string;
}

type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

export type BundlePem = Issued & Pick<Bundle, 'caPem'>;
/** A CA that can sign. */
export type Signer = Issued & Validity;

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Checks whether a server can use these files for all of `hosts` at `nowMs`. Returns the bundle or the first fault. */
export function checkBundle(
  pem: BundlePem,
  at: { readonly hosts: readonly string[]; readonly nowMs: number },
): Checked<Bundle> {
  try {
    if (pem.caPem.trim() === '') refuse('Empty', noCaSentence(pem.certPem));
    const authorities = readCertificates('ca.crt', pem.caPem);
    const given = readCertificates('tls.crt', pem.certPem);
    const [leaf] = given;
    if (!leaf.checkPrivateKey(readKey('tls.key', pem.keyPem))) {
      refuse('KeyMismatch', 'tls.key does not belong to tls.crt');
    }
    const isValid = (cert: X509Certificate) => isValidAt(cert, at.nowMs);
    // A chain of expired certificates is looked for too, so that the fault names the time and not the issuer.
    const chain = chainTo(given, authorities, isValid) ?? chainTo(given, authorities);
    if (!chain) refuse('WrongIssuer', 'no chain leads from tls.crt to a certificate in ca.crt');
    for (const cert of chain) checkTime(cert === leaf ? 'tls.crt' : 'a CA of tls.crt', cert, at.nowMs);
    checkHosts(leaf, at.hosts);
    return { ok: true, value: toBundle(pem, { given, chain, authorities }) };
  } catch (error) {
    return faultOf(error);
  }
}

/** Checks whether the first certificate of `caPem` can sign with `caKeyPem` at `nowMs`. Returns that CA, or the fault. */
export function checkSigner(
  pem: { readonly caPem: string; readonly caKeyPem: string },
  nowMs: number,
): Checked<Signer> {
  try {
    const [signer] = readCertificates('ca.crt', pem.caPem);
    const key = readKey('ca.key', pem.caKeyPem);
    if (key.asymmetricKeyType !== 'rsa') {
      refuse('Unreadable', `ca.key is of type ${key.asymmetricKeyType}, only RSA keys can sign here`);
    }
    if (!signer.checkPrivateKey(key)) {
      refuse('KeyMismatch', 'ca.key does not belong to the first certificate in ca.crt');
    }
    if (!signer.ca) refuse('WrongIssuer', 'the first certificate in ca.crt is no CA');
    checkTime('the first certificate in ca.crt', signer, nowMs);
    checkSignature(signer, pem.caKeyPem, nowMs);
    return { ok: true, value: { certPem: signer.toString(), keyPem: pem.caKeyPem, ...validityOf(signer) } };
  } catch (error) {
    return faultOf(error);
  }
}

/** The CA in ca.crt, as PEM, by which callers can trust a good bundle until it expires; '' if no CA is valid that long. */
export function issuerPem({ certPem, caPem, notBeforeMs, notAfterMs }: Bundle): string {
  const [given, authorities] = [readCertificates('tls.crt', certPem), readCertificates('ca.crt', caPem)];
  const lasts = (cert: X509Certificate) => isValidAt(cert, notBeforeMs) && isValidAt(cert, notAfterMs - 1);
  return chainTo(given, authorities, lasts)?.at(-1)?.toString() ?? '';
}

/** The certificates in a PEM text. Skips blocks that cannot be parsed. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(CERTIFICATE_BLOCK) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** The certificates in a caBundle, which is PEM in base64. */
export const authoritiesIn = (caBundle: string): X509Certificate[] =>
  certificatesIn(Buffer.from(caBundle, 'base64').toString('utf8'));

/** The DNS and IP SANs of a certificate. Throws if it cannot be parsed. */
export function hostsOf(certPem: string): string[] {
  const [leaf] = readCertificates('tls.crt', certPem);
  return [...(leaf.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s"]+)/g)].map(([, host]) =>
    String(host),
  );
}

/** Thrown to end a check, with the fault as its cause. Caught in this file. */
class Refusal extends Error {}

function refuse(reason: CertReason, sentence: string): never {
  throw new Refusal(sentence, { cause: { reason, sentence } satisfies Fault });
}

/** The fault that ended a check. An error of OpenSSL, such as an unknown curve, counts as an unreadable certificate. */
function faultOf(error: unknown): { readonly ok: false; readonly fault: Fault } {
  if (error instanceof Refusal) return { ok: false, fault: error.cause as Fault };
  const sentence = `the certificates cannot be verified (${String(error)})`;
  return { ok: false, fault: { reason: 'Unreadable', sentence } };
}

/** All certificates of a PEM text. Refuses a text without any. Ignores text between the blocks. */
function readCertificates(file: string, pem: string): [X509Certificate, ...X509Certificate[]] {
  if (pem.trim() === '') refuse('Empty', `${file} is empty`);
  const [first, ...rest] = pem.match(CERTIFICATE_BLOCK) ?? [];
  if (!first) refuse('Unreadable', `${file} holds no PEM certificate`);
  try {
    return [new X509Certificate(first), ...rest.map((block) => new X509Certificate(block))];
  } catch {
    return refuse('Unreadable', `${file} holds a certificate that cannot be parsed`);
  }
}

function readKey(file: string, pem: string): KeyObject {
  if (pem.trim() === '') refuse('Empty', `${file} is empty`);
  try {
    return createPrivateKey(pem);
  } catch {
    // Leave out the parser's message, because nothing about a key may reach a log.
    return refuse('Unreadable', `${file} is not an unencrypted PEM private key`);
  }
}

/** Signs a trial certificate: OpenSSL may accept a CA that node-forge cannot read, or whose key may not sign. */
function checkSignature(signer: X509Certificate, keyPem: string, nowMs: number): void {
  let trial: X509Certificate;
  try {
    trial = new X509Certificate(trialLeaf({ certPem: signer.toString(), keyPem }, nowMs));
  } catch (error) {
    refuse('Unreadable', `nothing can be signed with the first certificate in ca.crt (${String(error)})`);
  }
  if (!isIssuedBy(trial, signer)) {
    refuse('WrongIssuer', 'the first certificate in ca.crt does not verify what is signed with it');
  }
}

/** Says that ca.crt is empty, and which CA is missing in it. Some issuers of cert-manager write no ca.crt. */
function noCaSentence(certPem: string): string {
  const last = certificatesIn(certPem).at(-1);
  if (!last) return 'ca.crt is empty';
  const name = last.issuer.replaceAll('\n', ', ');
  return `ca.crt is empty: its issuer gives no CA. caBundle and ca.crt must hold the certificate of ${name}, which signed the last certificate in tls.crt`;
}

function isValidAt(cert: X509Certificate, nowMs: number): boolean {
  const { notBeforeMs, notAfterMs } = validityOf(cert);
  return nowMs >= notBeforeMs && nowMs < notAfterMs;
}

function checkTime(what: string, cert: X509Certificate, nowMs: number): void {
  const { notBeforeMs, notAfterMs } = validityOf(cert);
  if (nowMs < notBeforeMs) refuse('NotYetValid', `${what} is not valid before ${isoTime(notBeforeMs)}`);
  if (nowMs >= notAfterMs) refuse('Expired', `${what} expired at ${isoTime(notAfterMs)}`);
}

function checkHosts(leaf: X509Certificate, hosts: readonly string[]): void {
  for (const host of hosts) {
    if (!isFor(leaf, host))
      refuse('WrongHost', `tls.crt is not for ${host}, only for ${leaf.subjectAltName ?? 'none'}`);
  }
}

const isFor = (leaf: X509Certificate, host: string): boolean =>
  (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host, { subject: 'never' })) !== undefined;

const validityOf = (cert: X509Certificate) => ({
  notBeforeMs: cert.validFromDate.getTime(),
  notAfterMs: cert.validToDate.getTime(),
});

const isoTime = (ms: number): string => new Date(ms).toISOString();

interface Parsed {
  readonly given: readonly [X509Certificate, ...X509Certificate[]];
  readonly chain: readonly X509Certificate[];
  readonly authorities: readonly X509Certificate[];
}

function toBundle(pem: BundlePem, { given, chain, authorities }: Parsed): Bundle {
  const times = chain.map(validityOf);
  const hash = createHash('sha256');
  for (const cert of [...given, ...authorities]) hash.update(cert.raw);
  return {
    caPem: authorities.map((one) => one.toString()).join(''),
    certPem: pem.certPem,
    keyPem: pem.keyPem,
    notBeforeMs: greatestOf(times.map(({ notBeforeMs }) => notBeforeMs)),
    notAfterMs: leastOf(times.map(({ notAfterMs }) => notAfterMs)),
    serial: given[0].serialNumber.toLowerCase(),
    fingerprint: hash.digest('hex'),
  };
}
