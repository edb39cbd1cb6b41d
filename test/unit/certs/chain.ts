/** A CA over another: a root, intermediate CAs below it, and serving certificates that the last of them signs. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { issueLeaf } from '../../../certs/authority.ts';
import type { Issued, Validity } from '../../../certs/source.ts';

/** A CA that `above` signs; a root without one. */
export const authorityBelow = (above: Issued | undefined, name: string, validity: Validity): Issued =>
  certificateBy(above, {
    ...validity,
    name,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'subjectKeyIdentifier' },
    ],
  });

interface Wanted extends Validity {
  readonly name: string;
  readonly extensions: object[];
}

function certificateBy(
  above: Issued | undefined,
  { name, extensions, notBeforeMs, notAfterMs }: Wanted,
): Issued {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  cert.serialNumber = `40${randomBytes(8).toString('hex')}`;
  cert.validity.notBefore = new Date(notBeforeMs);
  cert.validity.notAfter = new Date(notAfterMs);
  const subject = [{ name: 'commonName', value: name }];
  cert.setSubject(subject);
  cert.setIssuer(above ? forge.pki.certificateFromPem(above.certPem).subject.attributes : subject);
  cert.setExtensions(extensions);
  const key = forge.pki.privateKeyFromPem(above?.keyPem ?? pair.privateKey);
  cert.sign(key as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
  return { certPem: forge.pki.certificateToPem(cert), keyPem: pair.privateKey };
}

/** What an issuer without a CA makes: a serving certificate, no CA, signed by its own key. */
export function selfSignedLeaf(hosts: readonly string[], validity: Validity): Issued {
  return certificateBy(undefined, {
    ...validity,
    name: 'by itself',
    extensions: [
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: hosts.map((ip) => ({ type: 7, ip })) },
    ],
  });
}

/** A root, a CA below it, and what that one gives a server: its certificate with the CA's behind it. */
export async function chainOf(validity: Validity & { readonly hosts: readonly string[] }) {
  const root = authorityBelow(undefined, 'the root', validity);
  const middle = authorityBelow(root, 'the intermediate', validity);
  const leaf = await issueLeaf(middle, validity);
  return { root, middle, leaf, served: { certPem: leaf.certPem + middle.certPem, keyPem: leaf.keyPem } };
}

/**
 * `caPem` with another algorithm named for its signature (RSASSA-PSS, without the parameters that it needs): OpenSSL
 * takes it for a CA, and nothing can be signed with it here.
 */
export function misnamed(caPem: string): string {
  const bytes = Buffer.from(new X509Certificate(caPem).raw);
  const sha256WithRsa = Buffer.from('06092a864886f70d01010b', 'hex');
  bytes[bytes.indexOf(sha256WithRsa) + sha256WithRsa.length - 1] = 0x0a;
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
}
