/**
 * Each reason to refuse a bundle or a CA. No input makes a check throw.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import forge from 'node-forge';
import { createAuthority, issueLeaf, trialLeaf } from '../../../certs/authority.ts';
import { checkBundle, checkSigner, hostsOf, issuerPem } from '../../../certs/check.ts';
import { authorityBelow, chainOf, misnamed } from './chain.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
const START_MS = Date.parse('2030-01-01T00:00:00Z');
const CA_END_MS = START_MS + 5 * YEAR_MS;
const LEAF_END_MS = START_MS + YEAR_MS;
const HOSTS = ['one.two.svc', '127.0.0.1', '::1'];

const authority = await createAuthority({ notBeforeMs: START_MS, notAfterMs: CA_END_MS });
const stranger = await createAuthority({ notBeforeMs: START_MS, notAfterMs: CA_END_MS });
const leaf = await issueLeaf(authority, { hosts: HOSTS, notBeforeMs: START_MS, notAfterMs: LEAF_END_MS });
const outliving = await issueLeaf(authority, {
  hosts: HOSTS,
  notBeforeMs: START_MS,
  notAfterMs: START_MS + 9 * YEAR_MS,
});
const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});
const GOOD = { caPem: authority.certPem, caKeyPem: authority.keyPem, ...leaf };
const AT = { hosts: HOSTS, nowMs: START_MS + 1_000 };

const faultOf = (pem: Partial<typeof GOOD>, at: Partial<typeof AT> = {}) => {
  const checked = checkBundle({ ...GOOD, ...pem }, { ...AT, ...at });
  return checked.ok ? 'good' : checked.fault.reason;
};
const signerFaultOf = (pem: Partial<typeof GOOD>, nowMs = AT.nowMs) => {
  const checked = checkSigner({ ...GOOD, ...pem }, nowMs);
  return checked.ok ? 'good' : checked.fault.reason;
};

test('a good bundle is accepted for its hosts, from notBefore until just before notAfter', () => {
  assert.equal(faultOf({}), 'good');
  assert.equal(faultOf({}, { nowMs: START_MS }), 'good');
  assert.equal(faultOf({}, { nowMs: LEAF_END_MS - 1 }), 'good');
});

const FAULTS: Array<[string, Partial<typeof GOOD>, Partial<typeof AT>, string]> = [
  ['no CA', { caPem: '' }, {}, 'Empty'],
  ['no certificate', { certPem: ' \n' }, {}, 'Empty'],
  ['no key', { keyPem: '' }, {}, 'Empty'],
  ['garbage as CA', { caPem: 'garbage' }, {}, 'Unreadable'],
  ['garbage as certificate', { certPem: '\u0000\uffff' }, {}, 'Unreadable'],
  ['garbage as key', { keyPem: 'garbage' }, {}, 'Unreadable'],
  ['a half certificate', { certPem: leaf.certPem.slice(0, 600) }, {}, 'Unreadable'],
  ['garbage behind a good CA', { caPem: authority.certPem + emptied(stranger.certPem) }, {}, 'Unreadable'],
  ['the key of another', { keyPem: stranger.keyPem }, {}, 'KeyMismatch'],
  ['another CA', { caPem: stranger.certPem }, {}, 'WrongIssuer'],
  ['itself as CA', { caPem: leaf.certPem }, {}, 'WrongIssuer'],
  ['too early', {}, { nowMs: START_MS - 1 }, 'NotYetValid'],
  ['too late', {}, { nowMs: LEAF_END_MS }, 'Expired'],
  ['eleven years off', {}, { nowMs: START_MS + 11 * YEAR_MS }, 'Expired'],
  ['the CA expired before it', outliving, { nowMs: CA_END_MS }, 'Expired'],
  ['another name', {}, { hosts: ['one.two.svc', 'three.two.svc'] }, 'WrongHost'],
  ['another address', {}, { hosts: ['127.0.0.2'] }, 'WrongHost'],
];
for (const [what, pem, at, reason] of FAULTS) {
  test(`${what} is refused as ${reason}`, () => assert.equal(faultOf(pem, at), reason));
}

test('a CA that comes second in the file is found, and is the issuer', () => {
  const checked = checkBundle({ ...GOOD, caPem: stranger.certPem + authority.certPem }, AT);
  assert.ok(checked.ok);
  assert.equal(issuerPem(checked.value).trim(), authority.certPem.replaceAll('\r', '').trim());
});

test('the same certificates give the same bundle, in whatever text form', () => {
  const untidy = { ...GOOD, caPem: `a comment\n${authority.certPem.replaceAll('\r\n', '\n')}\n\n` };
  const [one, two] = [checkBundle(GOOD, AT), checkBundle(untidy, AT)];
  assert.ok(one.ok && two.ok);
  assert.equal(one.value.fingerprint, two.value.fingerprint);
  assert.equal(one.value.caPem, two.value.caPem);
});

const chain = await chainOf({ hosts: HOSTS, notBeforeMs: START_MS, notAfterMs: CA_END_MS });
const short = authorityBelow(chain.root, 'a short one', { notBeforeMs: START_MS, notAfterMs: LEAF_END_MS });
const belowShort = await issueLeaf(short, { hosts: HOSTS, notBeforeMs: START_MS, notAfterMs: CA_END_MS });
test('a chain ends when the first of its certificates ends, and its issuer is the root', () => {
  const pem = {
    certPem: belowShort.certPem + short.certPem,
    keyPem: belowShort.keyPem,
    caPem: chain.root.certPem,
  };
  const checked = checkBundle(pem, AT);
  assert.ok(checked.ok);
  assert.equal(checked.value.notAfterMs, LEAF_END_MS);
  assert.equal(issuerPem(checked.value).trim(), chain.root.certPem.replaceAll('\r', '').trim());
  assert.equal(faultOf(pem, { nowMs: LEAF_END_MS }), 'Expired');
});

test('for a CA that was renewed with the same key, the issuer is the CA certificate that ends later', () => {
  const cert = forge.pki.certificateFromPem(authority.certPem);
  cert.validity.notAfter = new Date(START_MS + 500);
  cert.sign(forge.pki.privateKeyFromPem(authority.keyPem), forge.md.sha256.create());
  const checked = checkBundle({ ...GOOD, caPem: forge.pki.certificateToPem(cert) + authority.certPem }, AT);
  assert.ok(checked.ok);
  assert.equal(issuerPem(checked.value).trim(), authority.certPem.replaceAll('\r', '').trim());
});

test('a chain with a renewed intermediate CA is another bundle', () => {
  const renewed = { ...chain.served, certPem: chain.leaf.certPem + chain.middle.certPem + short.certPem };
  const [one, two] = [chain.served, renewed].map((pem) =>
    checkBundle({ ...pem, caPem: chain.root.certPem }, AT),
  );
  assert.ok(one?.ok && two?.ok);
  assert.notEqual(one.value.fingerprint, two.value.fingerprint);
});

test('the sentence on an issuer that gives no CA says what caBundle must hold', () => {
  const checked = checkBundle({ ...chain.served, caPem: '' }, AT);
  assert.ok(!checked.ok);
  assert.deepEqual(checked.fault, {
    reason: 'Empty',
    sentence:
      'ca.crt is empty: its issuer gives no CA. caBundle and ca.crt must hold the certificate of CN=the root, which signed the last certificate in tls.crt',
  });
});

test('a bundle ends no later than its CA', () => {
  const checked = checkBundle({ ...GOOD, ...outliving }, AT);
  assert.ok(checked.ok);
  assert.equal(checked.value.notAfterMs, CA_END_MS);
});

test('a CA can sign only if it is a CA, with its own RSA key and within its dates', () => {
  assert.equal(signerFaultOf({}), 'good');
  assert.equal(signerFaultOf({ caPem: authority.certPem + stranger.certPem }), 'good');
  assert.equal(signerFaultOf({ caPem: stranger.certPem + authority.certPem }), 'KeyMismatch');
  assert.equal(signerFaultOf({ caKeyPem: '' }), 'Empty');
  assert.equal(signerFaultOf({ caKeyPem: 'garbage' }), 'Unreadable');
  assert.equal(signerFaultOf({ caKeyPem: ecKey }), 'Unreadable');
  assert.equal(signerFaultOf({ caPem: trialLeaf(authority, AT.nowMs) }), 'WrongIssuer');
  assert.equal(signerFaultOf({}, CA_END_MS), 'Expired');
  assert.equal(signerFaultOf({}, START_MS - 1), 'NotYetValid');
});

test('a CA that OpenSSL accepts but that cannot sign here is refused', () => {
  const named = (value: string, keyUsage: object) => {
    const cert = forge.pki.certificateFromPem(authority.certPem);
    const name = { name: 'commonName', value, valueTagClass: forge.asn1.Type.UTF8 as never };
    cert.setSubject([name]);
    cert.setIssuer([name]);
    cert.setExtensions([
      { name: 'basicConstraints', cA: true },
      { name: 'keyUsage', ...keyUsage },
    ]);
    cert.sign(forge.pki.privateKeyFromPem(authority.keyPem), forge.md.sha256.create());
    return forge.pki.certificateToPem(cert);
  };
  assert.equal(signerFaultOf({ caPem: named('Bern', { keyCertSign: true }) }), 'good');
  assert.equal(signerFaultOf({ caPem: named('Bern', { cRLSign: true }) }), 'WrongIssuer');
  // node-forge writes such a name in another form than it was read, so the issuer is not found.
  assert.equal(signerFaultOf({ caPem: named('Zürich', { keyCertSign: true }) }), 'WrongIssuer');
  assert.equal(signerFaultOf({ caPem: misnamed(authority.certPem) }), 'Unreadable');
});

test('the hosts of a certificate can be read back', () => {
  assert.deepEqual(hostsOf(leaf.certPem), ['one.two.svc', '127.0.0.1', '0:0:0:0:0:0:0:1']);
});

test('a check answers for any text, and never accepts a changed key or certificate', () => {
  const part = fc.constantFrom('caPem' as const, 'certPem' as const, 'keyPem' as const);
  fc.assert(
    fc.property(part, fc.nat(1_000), fc.string({ minLength: 1, maxLength: 40 }), (name, where, text) => {
      const inside = 40 + (where % (GOOD[name].length - 140));
      const changed = GOOD[name].slice(0, inside) + text + GOOD[name].slice(inside + text.length + 64);
      const reason = faultOf({ [name]: changed });
      assert.ok(reason === 'Unreadable' || reason === 'WrongIssuer' || reason === 'KeyMismatch', reason);
    }),
    { numRuns: 200 },
  );
});

test('no sentence contains key material', () => {
  for (const [, pem, at] of FAULTS) {
    const checked = checkBundle({ ...GOOD, ...pem }, { ...AT, ...at });
    assert.ok(!checked.ok);
    assert.match(checked.fault.sentence, /^[^\n]{10,200}$/);
    assert.doesNotMatch(checked.fault.sentence, /PRIVATE KEY|MII/);
  }
});

/** The frame of a PEM block around nothing. */
function emptied(pem: string): string {
  return pem.replace(/-----\r?\n[^-]*-----END/, '-----\nAAAA\n-----END');
}
