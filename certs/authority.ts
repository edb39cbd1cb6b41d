/**
 * Makes certificates with node-forge: a CA, and serving certificates that it signs. Pure apart from randomness: the dates
 * are parameters. check.ts checks what was made.
 *
 * The key of a CA is RSA, because node-forge knows only RSA. The key of a serving certificate is on the curve P-256: a
 * handshake with an RSA key costs the event loop some 0.9 ms, with P-256 less than a tenth of that, and every client that
 * reaches the port can ask for handshakes.
 */
import { createSign, generateKeyPair, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import forge from 'node-forge';
import type { Issued, Validity } from './source.ts';

const RSA_BITS = 2048;
const SERIAL_BYTES = 16;
/** Index of the public key among the fields of a TBSCertificate that has a version (RFC 5280, 4.1). */
const PUBLIC_KEY_FIELD = 6;
const SAN_DNS = 2;
const SAN_IP = 7;

/** A new self-signed CA. Its name carries a part of the serial number, so that two CAs never share a name. */
export async function createAuthority(validity: Validity): Promise<Issued> {
  // Node's own generator, because it does not block the event loop as node-forge's would.
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const cert = blankCertificate(forge.pki.publicKeyFromPem(publicKey), validity);
  const name = commonName(`stellar-peers CA ${cert.serialNumber.slice(0, 8)}`);
  cert.setSubject(name);
  cert.setIssuer(name);
  cert.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  return { certPem: sign(cert, privateKey), keyPem: privateKey };
}

/** A new serving certificate for `hosts`. Throws if `authority` is not a readable certificate with an RSA key. */
export async function issueLeaf(
  authority: Issued,
  request: Validity & { readonly hosts: readonly string[] },
): Promise<Issued> {
  const authorityCert = forge.pki.certificateFromPem(authority.certPem);
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { certPem: sign(leafOf(authorityCert, request), authority.keyPem, publicKey), keyPem: privateKey };
}

/** A trial certificate, as PEM, with the authority's own key: a new key would cost time. Throws as `issueLeaf` does. */
export function trialLeaf(authority: Issued, atMs: number): string {
  const authorityCert = forge.pki.certificateFromPem(authority.certPem);
  const request = { notBeforeMs: atMs, notAfterMs: atMs, hosts: ['trial.invalid'] };
  return sign(leafOf(authorityCert, request), authority.keyPem);
}

/** A serving certificate that is not signed yet. It has the authority's own public key, which `sign` can replace. */
function leafOf(
  authorityCert: forge.pki.Certificate,
  request: Validity & { readonly hosts: readonly string[] },
): forge.pki.Certificate {
  const cert = blankCertificate(authorityCert.publicKey as forge.pki.rsa.PublicKey, request);
  cert.setSubject(commonName('stellar-peers webhook'));
  cert.setIssuer(authorityCert.subject.attributes);
  cert.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: request.hosts.map(altName) },
    ...authorityKeyIdentifier(authorityCert),
  ]);
  return cert;
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

/** The CA's own key identifier, if it has one. A verifier refuses another, and another program may have made the CA. */
function authorityKeyIdentifier(authority: forge.pki.Certificate): object[] {
  const own = authority.getExtension('subjectKeyIdentifier') as { subjectKeyIdentifier?: string } | null;
  if (!own?.subjectKeyIdentifier) return [];
  return [{ name: 'authorityKeyIdentifier', keyIdentifier: forge.util.hexToBytes(own.subjectKeyIdentifier) }];
}

/**
 * Signs with Node, because node-forge's own arithmetic would block the event loop, and so reviews, for some 70 ms.
 * node-forge cannot write a public key that is not RSA, so `publicKey` (SubjectPublicKeyInfo, DER), if given, is put into
 * the certificate right before the signature.
 */
function sign(cert: forge.pki.Certificate, signingKeyPem: string, publicKey?: Buffer): string {
  const key = {
    sign: () => {
      const fields = cert.tbsCertificate.value as forge.asn1.Asn1[];
      if (publicKey) fields[PUBLIC_KEY_FIELD] = forge.asn1.fromDer(publicKey.toString('binary'));
      const signed = Buffer.from(forge.asn1.toDer(cert.tbsCertificate).getBytes(), 'binary');
      return createSign('sha256').update(signed).sign(signingKeyPem, 'binary');
    },
  };
  cert.sign(key as unknown as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(cert);
}
