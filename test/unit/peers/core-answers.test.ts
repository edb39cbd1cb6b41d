import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { connectedAddresses, coreInfoOf, isConnecting, wordsOf } from '../../../peers/core/answers.ts';

const peers = (inbound: unknown, outbound: unknown): string =>
  JSON.stringify({
    authenticated_peers: { inbound, outbound },
    pending_peers: { inbound: ['10.9.9.9:11625'], outbound: null },
  });
const at = (...addresses: unknown[]) => addresses.map((address) => ({ address, id: 'GABC', ver: 'v27' }));

interface Changes {
  readonly state?: unknown;
  readonly age?: unknown;
  readonly authenticated?: unknown;
  readonly quorum?: unknown;
}
const info = (changes: Changes = {}): string => {
  const { state, age, authenticated, quorum } = { state: 'Synced!', age: 3, authenticated: 3, ...changes };
  return JSON.stringify({
    info: {
      ...{ ledger: { age, num: 7 }, peers: { authenticated_count: authenticated, pending_count: 0 }, state },
      quorum,
    },
  });
};

const NO_ANSWERS = [
  '',
  'null',
  '[]',
  '"text"',
  '17',
  '{}',
  '{"authenticated_peers":null,"info":null}',
  '{"authenticated_peers":[],"info":[]}',
  '{"exception": "unknown"}',
  '<html>',
  '{"authenticated_peers"',
  'Must specify a peer and port: connect&peer=PEER&port=PORT',
];

describe('the answer to /peers', () => {
  it('gives the authenticated peers of both directions, and no pending peer', () => {
    const text = peers(at('10.0.0.1:11625'), at('10.0.0.2:11625', '10.0.0.3:11725'));
    assert.deepEqual(
      connectedAddresses(text),
      new Set(['10.0.0.2:11625', '10.0.0.3:11725', '10.0.0.1:11625']),
    );
  });

  it('gives no peer if both directions are null', () => {
    assert.deepEqual(connectedAddresses(peers(null, null)), new Set());
    assert.deepEqual(connectedAddresses(peers([], null)), new Set());
  });

  it('skips entries that are not an IPv4 address with a port', () => {
    const odd = ['10.0.0.1', '10.0.0.1:', '10.0.0.1:0', '10.0.0.1:65536', '10.0.0.256:1', '10.0.0:1', 'a:1'];
    const odder = ['[::1]:1', '10.0.0.1:1\n', ' 10.0.0.1:1', '010.0.0.1:1', '10.0.0.1:01', 5, null, ['x']];
    const text = peers([...at(...odd), 'x', null, [], {}], at(...odder, '255.0.10.199:65535'));
    assert.deepEqual(connectedAddresses(text), new Set(['255.0.10.199:65535']));
  });

  it('is read up to a thousand addresses', () => {
    const many = Array.from({ length: 3000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:11625`);
    assert.equal(connectedAddresses(peers(at(...many), at(...many)))?.size, 1000);
  });

  it('is told from anything else', () => {
    const others = [
      ...NO_ANSWERS,
      info(),
      '{"authenticated_peers":{}}',
      peers('10.0.0.1:11625', null),
      peers({}, []),
    ];
    for (const text of others) assert.equal(connectedAddresses(text), undefined, text);
  });
});

describe('the answer to /info', () => {
  it('says synced for a node with peers and a fresh ledger', () => {
    const expected = { synced: true };
    assert.deepEqual(coreInfoOf(info()), expected);
    assert.deepEqual(coreInfoOf(info({ state: ' Synced!\n' })), expected);
    assert.equal(coreInfoOf(info({ authenticated: 1, age: 35 }))?.synced, true);
  });

  it('does not count as synced with the state "Synced!" but no peer, or an old ledger', () => {
    assert.equal(coreInfoOf(info({ authenticated: 0 }))?.synced, false);
    assert.equal(coreInfoOf(info({ age: 36 }))?.synced, false);
    assert.equal(coreInfoOf(info({ state: 'Catching up' }))?.synced, false);
    assert.equal(coreInfoOf(info({ state: 'Not Synced!' }))?.synced, false);
  });

  it('gives the number of failures that would stop the node, and of missing validators, if it has them', () => {
    const of = (quorum: unknown) => {
      const { failAt, missing } = coreInfoOf(info({ quorum })) ?? {};
      return [failAt, missing];
    };
    assert.deepEqual(of({ qset: { fail_at: 2, missing: 0 } }), [2, 0]);
    assert.deepEqual(of({ qset: { fail_at: 1, missing: ['GA', 'GB'] } }), [1, 2]);
    for (const quorum of [undefined, null, 'x', [], { qset: 3 }, { qset: { fail_at: '1', missing: -1 } }])
      assert.deepEqual(of(quorum), [undefined, undefined]);
  });

  it('is told from anything else', () => {
    const others = [...NO_ANSWERS, peers(null, null), '{"info":{}}', info({ state: 5 }), info({ age: '3' })];
    const more = [info({ age: -1 }), info({ age: null }), info({ authenticated: [] }), '{"info":"Synced!"}'];
    for (const text of [...others, ...more]) assert.equal(coreInfoOf(text), undefined, text);
  });
});

describe('the answer to /connect', () => {
  it('is a promise to dial only where it says so first', () => {
    assert.equal(isConnecting('Connect to: 10.0.0.5:11625'), true);
    for (const text of [...NO_ANSWERS, ' Connect to: x', '{"exception": "Connect to: x"}', 'Connect to']) {
      assert.equal(isConnecting(text), false, text);
    }
  });
});

describe('any answer', () => {
  it('is read without an error, and gives only addresses', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue().map(JSON.stringify)), (text) => {
        coreInfoOf(text);
        isConnecting(text);
        for (const address of connectedAddresses(text) ?? []) assert.match(address, /^[\d.]+:\d+$/);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.jsonValue())), fc.jsonValue(), (addresses, age) => {
        assert.equal(connectedAddresses(peers(at(...addresses), null))?.size, 0);
        const read = coreInfoOf(info({ age, state: 'Synced!' }));
        assert.equal(read?.synced ?? false, typeof age === 'number' && age >= 0 && age <= 35);
      }),
    );
  });

  it('may be nested to any depth', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    assert.equal(connectedAddresses(deep), undefined);
    assert.equal(coreInfoOf(`{"info":${deep}}`), undefined);
  });
});

describe('the words of stellar-core', () => {
  it('are its exception, or else its text, printable and at most one line long', () => {
    assert.equal(wordsOf('{"exception": "Host not found"}'), 'Host not found');
    assert.equal(wordsOf('Core is booting, try again later\n'), 'Core is booting, try again later');
    assert.equal(wordsOf('\u0000 <html>\n\u001b[31m'), '<html> [31m');
    assert.equal(wordsOf('x'.repeat(10_000)).length, 200);
    assert.equal(wordsOf(' '), '');
  });
});
