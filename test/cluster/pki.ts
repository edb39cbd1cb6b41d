/** The keys and certificates of one test cluster: a CA, the API server's leaf, the key of its tokens. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import forge from 'node-forge';

export interface Pki {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** Signs the tokens of ServiceAccounts. */
  readonly tokenKeyPem: string;
}

const DAY_MS = 86_400_000;
const ALTERNATIVE_NAMES = [
  { type: 7, ip: '127.0.0.1' },
  { type: 2, value: 'localhost' },
  { type: 2, value: 'kubernetes.default.svc' },
  // The names under which pods on real nodes reach the API server: its Service, and the machine's address.
  { type: 7, ip: '10.96.0.1' },
  { type: 7, ip: '10.99.0.1' },
];

/** node-forge signs; the keys come from Node, which makes them a hundred times faster. */
function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

interface Signer {
  readonly name: string;
  readonly key: forge.pki.rsa.PrivateKey;
}

function sign(name: string, keyPem: string, issuer: Signer, extensions: object[]): string {
  const key = forge.pki.privateKeyFromPem(keyPem);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + 30 * DAY_MS);
  certificate.setSubject([{ name: 'commonName', value: name }]);
  certificate.setIssuer([{ name: 'commonName', value: issuer.name }]);
  certificate.setExtensions(extensions);
  certificate.sign(issuer.key, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** Fresh keys and certificates for 127.0.0.1, valid for 30 days. */
export function createPki(): Pki {
  const caKeyPem = newKeyPem();
  const keyPem = newKeyPem();
  const ca: Signer = { name: 'test-cluster', key: forge.pki.privateKeyFromPem(caKeyPem) };
  const caPem = sign(ca.name, caKeyPem, ca, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  const certPem = sign('kube-apiserver', keyPem, ca, [
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: ALTERNATIVE_NAMES },
  ]);
  return { caPem, certPem, keyPem, tokenKeyPem: newKeyPem() };
}
