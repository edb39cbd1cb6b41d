/** The addresses that people may write. No other text ever reaches a configuration. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { parseAddress } from '../../../peers/discovery/address.ts';
import { discover } from '../../../peers/discovery/discover.ts';
import { node, worldWith } from '../world.ts';

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;

describe('an address', () => {
  const taken: ReadonlyArray<[string, string]> = [
    ['203.0.113.7:11625', '203.0.113.7:11625'],
    ['core.example.org:1', 'core.example.org:1'],
    ['core.example.org:65535', 'core.example.org:65535'],
    ['core.example.org', 'core.example.org:11625'],
    ['Core-1.Example.ORG:11625', 'core-1.example.org:11625'],
    ['  localhost:11725\r', 'localhost:11725'],
    [`${'a'.repeat(63)}.org:1`, `${'a'.repeat(63)}.org:1`],
  ];
  for (const [text, address] of taken) {
    it(`is ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(parseAddress(text), address));
  }

  const refused = [
    '',
    ' ',
    ':11625',
    'host:',
    'host:0',
    'host:011625',
    'host:65536',
    'host:999999',
    'host:-1',
    'host:1a',
    'host:1:2',
    'http://host:1',
    '[::1]:11625',
    '2001:db8::1',
    'two hosts:1',
    'under_score:1',
    'trailing.:1',
    '.leading:1',
    'dou..ble:1',
    '-dash:1',
    'dash-:1',
    '256.1.1.1:1',
    '1.2.3:1',
    '1.2.3.04:1',
    '1.2.3.4.5:1',
    'quo"te:1',
    'back\\slash:1',
    'new\nline:1',
    'nul\u0000l:1',
    'ümlaut:1',
    `${'a'.repeat(64)}.org:1`,
    `${'a.'.repeat(127)}org:1`,
  ];
  for (const text of refused) {
    it(`is not ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(parseAddress(text), undefined));
  }

  it('has only a host and a port, for any input, and needs no escape in TOML', () => {
    const pieces = fc.constantFrom(
      'a',
      'Z',
      '9',
      '.',
      '-',
      ':',
      '"',
      '\\',
      '\n',
      ' ',
      '[',
      '#',
      '_',
      'é',
      '1',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const address = parseAddress(text);
        if (address === undefined) return;
        assert.match(address, /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[1-9]\d{0,4}$/);
        assert.deepEqual(parse(`KNOWN_PEERS=[${JSON.stringify(address)}]`).KNOWN_PEERS, [address]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the address that a StellarNode advertises', () => {
  const found = (annotation?: string) => {
    const annotations = annotation === undefined ? {} : { 'stellar.org/peer-address': annotation };
    const world = worldWith({ nodes: [node('a', { annotations }), node('b')] });
    const discovery = discover(world, SETTINGS);
    const [member] = discovery.groups.get('testnet')?.members ?? [];
    assert.ok(member);
    return { member, discovery };
  };

  it('replaces its Service name, and changes neither its identity nor its hash', () => {
    const { member } = found('one.example.org:31625');
    const { member: plain } = found();
    assert.equal(member.address, 'one.example.org:31625');
    assert.equal(member.dns, 'a-0.a-headless.stellar.svc.cluster.local');
    assert.deepEqual([member.identity, member.digest], [plain.identity, plain.digest]);
  });

  it('is reported if invalid, and the validator then keeps its Service name', () => {
    const { member, discovery } = found('http://one.example.org');
    assert.equal(member.address, 'a-0.a-headless.stellar.svc.cluster.local:11625');
    assert.equal(discovery.skipped.size, 0);
    assert.equal(discovery.remarks.get('stellar/a')?.code, 'InvalidAddress');
    assert.match(discovery.remarks.get('stellar/a')?.detail ?? '', /http/);
  });

  const odd = [
    ...[
      '127.0.0.1',
      '127.255.255.255',
      '0.0.0.0',
      '0.1.2.3',
      '169.254.169.254',
      '224.0.0.1',
      '239.255.255.255',
    ],
    // Resolvers take these as addresses.
    ...['0x7f.0.0.1', '0x7f000001', '127.0.0.0x1', '0xa9fea9fe', '0xe0.0.0.1', 'a.0x1', '2130706433'],
    ...['255.255.255.255', '240.0.0.1', 'localhost', 'a.localhost', 'kubernetes', 'kubernetes.default'],
    ...[
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'Kubernetes.Default.svc.example.org:443',
    ],
  ];
  for (const address of odd)
    it(`is not ${address}: a peer that dials it would dial itself, its network or the API server`, () => {
      const { member, discovery } = found(address);
      assert.equal(member.address, 'a-0.a-headless.stellar.svc.cluster.local:11625');
      assert.equal(discovery.remarks.get('stellar/a')?.code, 'InvalidAddress');
    });
  for (const address of [
    '10.0.0.1:1',
    '128.0.0.1:1',
    '169.253.0.1:1',
    '223.1.1.1:1',
    'kubernetes.example.org:1',
    '127.example.org:1',
  ])
    it(`may be ${address}`, () => assert.equal(found(address).member.address, address));
});
