/**
 * Makes certificates: a CA, and serving certificates that it signs. Pure apart from randomness: dates come
 * in, no clock. Owns the making with node-forge, which knows RSA keys only; check.ts judges what was made.
 */
import { createSign, generateKeyPair, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import forge from 'node-forge';

const RSA_BITS = 2048;
const SERIAL_BYTES = 16;
const SAN_DNS = 2;
const SAN_IP = 7;

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate and its private key, both as PEM. */
export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A new self-signed CA. Its name carries a part of the serial number, so that two CAs never share a name. */
export async function createAuthority(validity: Validity): Promise<Issued> {
  const keys = await generateKeys();
  const cert = blankCertificate(keys.publicKey, validity);
  const name = commonName(`stellar-peers CA ${cert.serialNumber.slice(0, 8)}`);
  cert.setSubject(name);
  cert.setIssuer(name);
  cert.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  return { certPem: sign(cert, keys.keyPem), keyPem: keys.keyPem };
}

/**
 * A new serving certificate for `hosts` (DNS names and IP addresses, all as SANs), signed by `authority`.
 * Throws if that is no readable RSA certificate and key.
 */
export async function issueLeaf(
  authority: Issued,
  request: Validity & { readonly hosts: readonly string[] },
): Promise<Issued> {
  const authorityCert = forge.pki.certificateFromPem(authority.certPem);
  const keys = await generateKeys();
  const certPem = sign(leafOf(authorityCert, keys.publicKey, request), authority.keyPem);
  return { certPem, keyPem: keys.keyPem };
}

/**
 * A certificate for the authority's own key, as PEM. It takes no new key, so it is cheap: made to see whether this
 * authority can sign at all, and thrown away. Throws as `issueLeaf` does.
 */
export function trialLeaf(authority: Issued, atMs: number): string {
  const authorityCert = forge.pki.certificateFromPem(authority.certPem);
  const request = { notBeforeMs: atMs, notAfterMs: atMs, hosts: ['trial.invalid'] };
  const publicKey = authorityCert.publicKey as forge.pki.rsa.PublicKey;
  return sign(leafOf(authorityCert, publicKey, request), authority.keyPem);
}

function leafOf(
  authorityCert: forge.pki.Certificate,
  publicKey: forge.pki.rsa.PublicKey,
  request: Validity & { readonly hosts: readonly string[] },
): forge.pki.Certificate {
  const cert = blankCertificate(publicKey, request);
  cert.setSubject(commonName('stellar-peers webhook'));
  cert.setIssuer(authorityCert.subject.attributes);
  cert.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: request.hosts.map(altName) },
    { name: 'subjectKeyIdentifier' },
    ...authorityKeyIdentifier(authorityCert),
  ]);
  return cert;
}

interface Keys {
  readonly publicKey: forge.pki.rsa.PublicKey;
  readonly keyPem: string;
}

/** By Node's own generator, which works off the event loop. */
async function generateKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicKey: forge.pki.publicKeyFromPem(publicKey), keyPem: privateKey };
}

function blankCertificate(publicKey: forge.pki.rsa.PublicKey, validity: Validity): forge.pki.Certificate {
  const cert = forge.pki.createCertificate();
  cert.publicKey = publicKey;
  cert.serialNumber = randomSerial();
  cert.validity.notBefore = new Date(validity.notBeforeMs);
  cert.validity.notAfter = new Date(validity.notAfterMs);
  return cert;
}

/** Hex; the first byte is from 0x40 to 0x7f, so that the number is positive and keeps its length. */
function randomSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
}

const commonName = (value: string): forge.pki.CertificateField[] => [{ name: 'commonName', value }];

const altName = (host: string): object =>
  isIP(host) ? { type: SAN_IP, ip: host } : { type: SAN_DNS, value: host };

/** As the CA writes it itself: one that others made may compute it otherwise, and a difference is refused. */
function authorityKeyIdentifier(authority: forge.pki.Certificate): object[] {
  const own = authority.getExtension('subjectKeyIdentifier') as { subjectKeyIdentifier?: string } | null;
  if (!own?.subjectKeyIdentifier) return [];
  return [{ name: 'authorityKeyIdentifier', keyIdentifier: forge.util.hexToBytes(own.subjectKeyIdentifier) }];
}

/**
 * Signs by Node, not by node-forge's own arithmetic, which would keep the event loop, and with it admission,
 * waiting for some 70 ms. node-forge hands its key the certificate to be signed as `tbsCertificate`.
 */
function sign(cert: forge.pki.Certificate, signingKeyPem: string): string {
  const key = {
    sign: () => {
      const signed = Buffer.from(forge.asn1.toDer(cert.tbsCertificate).getBytes(), 'binary');
      return createSign('sha256').update(signed).sign(signingKeyPem, 'binary');
    },
  };
  cert.sign(key as unknown as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(cert);
}
