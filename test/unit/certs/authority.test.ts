/**
 * The contents of the certificates that we make, for given dates.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import forge from 'node-forge';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';

const at = (iso: string) => Date.parse(iso);
/** Dates from 2050 on are written in another format. */
const CA_LIFE = { notBeforeMs: at('2026-01-01T00:00:00Z'), notAfterMs: at('2071-06-01T00:00:00Z') };
const LEAF_LIFE = { notBeforeMs: at('2037-05-06T07:08:09Z'), notAfterMs: at('2051-02-03T04:05:06Z') };
const HOSTS = ['one.two.svc', 'localhost', '10.0.0.7', 'fd00::7'];

const authority = await createAuthority(CA_LIFE);
const issued = await issueLeaf(authority, { ...LEAF_LIFE, hosts: HOSTS });
const ca = new X509Certificate(authority.certPem);
const leaf = new X509Certificate(issued.certPem);

test('a certificate is valid exactly from and until the given dates, also in a far year', () => {
  assert.equal(ca.validFromDate.getTime(), CA_LIFE.notBeforeMs);
  assert.equal(ca.validToDate.getTime(), CA_LIFE.notAfterMs);
  assert.equal(leaf.validFromDate.getTime(), LEAF_LIFE.notBeforeMs);
  assert.equal(leaf.validToDate.getTime(), LEAF_LIFE.notAfterMs);
});

test('the CA is marked as a CA and signs the certificate, which is not marked as one', () => {
  assert.equal(ca.ca, true);
  assert.equal(leaf.ca, false);
  assert.equal(leaf.checkIssued(ca), true);
  assert.equal(leaf.verify(ca.publicKey), true);
});

test('the SANs are exactly the hosts: names, IPv4 and IPv6 addresses', () => {
  assert.equal(leaf.checkHost('one.two.svc', { subject: 'never' }), 'one.two.svc');
  assert.equal(leaf.checkIP('10.0.0.7'), '10.0.0.7');
  assert.equal(leaf.checkIP('fd00::7'), 'fd00::7');
  assert.equal(leaf.subjectAltName?.split(', ').length, HOSTS.length);
});

test('the key of the CA is RSA 2048, and the key of the certificate P-256, which makes handshakes cheaper', () => {
  assert.equal(ca.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(leaf.checkPrivateKey(createPrivateKey(issued.keyPem)), true);
});

test('the certificate is for TLS servers only', () => {
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

test('serial numbers are positive, 16 bytes and random; two CAs never share a name', async () => {
  const other = new X509Certificate((await createAuthority(CA_LIFE)).certPem);
  for (const cert of [ca, leaf, other]) assert.match(cert.serialNumber, /^[4-7][0-9A-F]{31}$/);
  assert.equal(new Set([ca, leaf, other].map((cert) => cert.serialNumber)).size, 3);
  assert.notEqual(ca.subject, other.subject);
});

test('the issuer name of a certificate is the exact name of a CA that others made', async () => {
  const keys = forge.pki.rsa.generateKeyPair({ bits: 1024 });
  const foreign = forge.pki.createCertificate();
  foreign.publicKey = keys.publicKey;
  foreign.serialNumber = '07';
  foreign.validity.notBefore = new Date(CA_LIFE.notBeforeMs);
  foreign.validity.notAfter = new Date(CA_LIFE.notAfterMs);
  foreign.setSubject([{ name: 'organizationName', value: 'stranger' }]);
  foreign.setIssuer([{ name: 'organizationName', value: 'stranger' }]);
  const identifier = { id: '2.5.29.14', value: '\x04\x04abcd' };
  foreign.setExtensions([{ name: 'basicConstraints', cA: true }, identifier]);
  foreign.sign(keys.privateKey, forge.md.sha256.create());
  const certPem = forge.pki.certificateToPem(foreign);
  const keyPem = forge.pki.privateKeyToPem(keys.privateKey);
  const child = new X509Certificate(
    (await issueLeaf({ certPem, keyPem }, { ...LEAF_LIFE, hosts: HOSTS })).certPem,
  );
  assert.equal(child.checkIssued(new X509Certificate(certPem)), true);
  assert.equal(child.verify(new X509Certificate(certPem).publicKey), true);
});
