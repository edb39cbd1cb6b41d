/** We accept a chain if and only if a TLS client accepts it. Each test asks both. */
import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createServer, request } from 'node:https';
import { type TestContext, test } from 'node:test';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { type BundlePem, checkBundle } from '../../../certs/check.ts';
import { Trust } from '../../../certs/trust.ts';
import type { WebhookFacts } from '../../../peers/world.ts';
import { listening } from '../runtime/listening.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS, VALID_NOW } from '../stand-ins/now.ts';
import { authorityBelow, chainOf, selfSignedLeaf } from './chain.ts';

const HOSTS = ['127.0.0.1'];
const { root, middle, leaf, served } = await chainOf({ ...VALID_NOW, hosts: HOSTS });
const stranger = await createAuthority(VALID_NOW);
const twin = authorityBelow(undefined, 'the root', VALID_NOW);
const direct = await issueLeaf(root, { ...VALID_NOW, hosts: HOSTS });
const lowest = authorityBelow(middle, 'another below', VALID_NOW);
const deep = await issueLeaf(lowest, { ...VALID_NOW, hosts: HOSTS });
const selfSigned = selfSignedLeaf(HOSTS, VALID_NOW);
const over = authorityBelow(root, 'over', {
  notBeforeMs: NOW_MS - 7_200_000,
  notAfterMs: NOW_MS - 3_600_000,
});
const belowOver = await issueLeaf(over, { ...VALID_NOW, hosts: HOSTS });

/** The files of a server with that certificate and the certificates after it. */
const files = (
  own: { certPem: string; keyPem: string },
  behind: readonly string[],
  caPem: string,
): BundlePem => ({
  certPem: [own.certPem, ...behind].join(''),
  keyPem: own.keyPem,
  caPem,
});

const CHAINS: ReadonlyArray<readonly [string, BundlePem, string]> = [
  ['of the root itself', files(direct, [], root.certPem), 'good'],
  ['over an intermediate CA', files(leaf, [middle.certPem], root.certPem), 'good'],
  ['over two', files(deep, [lowest.certPem, middle.certPem], root.certPem), 'good'],
  ['over two, in another order', files(deep, [middle.certPem, lowest.certPem], root.certPem), 'good'],
  [
    'with others and the root behind it',
    files(leaf, [stranger.certPem, root.certPem, middle.certPem], root.certPem),
    'good',
  ],
  ['to one root of several', files(leaf, [middle.certPem], stranger.certPem + root.certPem), 'good'],
  ['to the intermediate CA alone', files(leaf, [middle.certPem], middle.certPem), 'good'],
  ['to the intermediate CA, which is not behind it', files(leaf, [], middle.certPem), 'good'],
  ['of itself', files(selfSigned, [], selfSigned.certPem), 'good'],
  ['of itself beside others', files(selfSigned, [], stranger.certPem + selfSigned.certPem), 'good'],
  ['of itself to another', files(selfSigned, [], stranger.certPem), 'WrongIssuer'],
  ['that lacks the intermediate CA', files(leaf, [], root.certPem), 'WrongIssuer'],
  ['that lacks one of two', files(deep, [lowest.certPem], root.certPem), 'WrongIssuer'],
  ['to a root of the same name and another key', files(leaf, [middle.certPem], twin.certPem), 'WrongIssuer'],
  ['over a certificate that is no CA', files(leaf, [direct.certPem], root.certPem), 'WrongIssuer'],
  ['over a CA that is over', files(belowOver, [over.certPem], root.certPem), 'Expired'],
];

/** True if a client that trusts each of these CAs by itself, as the API server does, accepts the served chain. */
async function isTaken(t: TestContext, { certPem, keyPem, caPem }: BundlePem): Promise<boolean> {
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => void response.end());
  const port = await listening(t, server as Server);
  const options = { host: '127.0.0.1', port, ca: caPem, allowPartialTrustChain: true, agent: false as const };
  return new Promise((resolve) => {
    request(options, () => resolve(true))
      .on('error', () => resolve(false))
      .end();
  });
}

for (const [what, pem, expected] of CHAINS) {
  test(`a chain ${what} is judged as a TLS client judges it: ${expected}`, async (t) => {
    const checked = checkBundle(pem, { hosts: HOSTS, nowMs: NOW_MS });
    assert.equal(checked.ok ? 'good' : checked.fault.reason, expected);
    assert.equal(await isTaken(t, pem), expected === 'good');
  });
}

test('a certificate of an intermediate CA is trusted if caBundle holds the root CA', () => {
  const clock = new ManualClock();
  const caBundle = Buffer.from(root.certPem).toString('base64');
  const facts = { entries: [{ caBundle }] } as unknown as WebhookFacts;
  const configuration = { observe: () => facts, onChange: () => () => undefined };
  const trust = new Trust({ clock, configuration, isKnown: () => true });
  const checked = checkBundle({ ...served, caPem: root.certPem }, { hosts: HOSTS, nowMs: NOW_MS });
  assert.ok(checked.ok);
  clock.advance(1_000);
  assert.equal(trust.acceptedForMs(checked.value), 1_000);
  assert.equal(trust.acceptedForMs({ ...checked.value, certPem: leaf.certPem }), 0);
});
