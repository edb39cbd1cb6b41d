import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { discover } from '../../../peers/discovery/discover.ts';
import { networkOf } from '../../../peers/discovery/network.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { digestOf, formatDigests, identityOf, parseDigests, viewHash } from '../../../peers/hash.ts';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { viewOf } from '../../../peers/views/views.ts';
import { node, pod, statefulSet, worldWith } from '../world.ts';

const named = (name: string, raw: ReturnType<typeof pod>) => ({
  ...raw,
  metadata: { ...(raw.metadata as object), name },
});

const SETTINGS = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;

describe('network identity', () => {
  it('reads both generations of the CRD as one network', () => {
    const older = networkOf({ network: { Custom: 'My Net ; 2026' } });
    const newer = networkOf({ network: 'custom', customNetworkPassphrase: 'My Net ; 2026' });
    assert.ok(older);
    assert.deepEqual(older, newer);
    assert.equal(networkOf({ network: 'Testnet' })?.id, 'testnet');
    assert.equal(networkOf({ network: 'testnet' })?.id, 'testnet');
  });

  it('treats a custom network with a public passphrase as that public network', () => {
    const found = networkOf({
      network: 'custom',
      customNetworkPassphrase: 'Test SDF Network ; September 2015',
    });
    assert.deepEqual(found, networkOf({ network: 'Testnet' }));
  });

  it('keeps two passphrases apart, and reads no other value as a network', () => {
    const of = (passphrase: string) => networkOf({ network: { custom: passphrase } })?.id;
    const passphrases = ['a', 'b', '__proto__', 'constructor', 'toString'];
    const ids = passphrases.map(of);
    for (const id of ids) assert.match(id ?? '', /^custom-[0-9a-f]{16}$/);
    assert.equal(new Set(ids).size, passphrases.length);
    for (const network of [undefined, null, 3, '', 'moonnet', {}, { Custom: '' }, { Custom: 3 }, [], true]) {
      assert.equal(networkOf({ network }), undefined, JSON.stringify(network));
    }
    assert.equal(networkOf({ network: 'custom' }), undefined);
  });
});

describe('reading a StellarNode', () => {
  const portOf = (peerPort: unknown, annotation?: string) => {
    const reading = readNode(
      node('a', {
        spec: { validatorConfig: { peerPort } },
        ...(annotation === undefined ? {} : { annotations: { 'stellar.org/peer-port': annotation } }),
      }),
    );
    return reading.kind === 'validator' ? reading.validator.port : reading.kind;
  };

  it('takes the port from the field, else the annotation, else 11625', () => {
    assert.equal(portOf(undefined), 11_625);
    assert.equal(portOf(11_725), 11_725);
    assert.equal(portOf(undefined, '11825'), 11_825);
    assert.equal(portOf(11_725, '11825'), 11_725);
  });

  it('refuses a value that is not a port', () => {
    for (const port of [0, 70_000, 'abc', '11625', -1, 1.5, {}, true])
      assert.equal(portOf(port), 'unreadable');
    for (const text of ['0', '70000', 'abc', '', '1e3', ' 11625', '+1', '11625x']) {
      assert.equal(portOf(undefined, text), 'unreadable', text);
    }
  });

  it('skips nodes of other kinds and deleted nodes', () => {
    assert.equal(readNode(node('h', { spec: { nodeType: 'Horizon' } })).kind, 'other');
    assert.equal(readNode(node('s', { spec: { nodeType: 'SorobanRpc' } })).kind, 'other');
    assert.equal(readNode(node('d', { deletionTimestamp: '2026-01-01T00:00:00Z' })).kind, 'other');
  });
});

describe('discovery', () => {
  const names = (world: ReturnType<typeof worldWith>, scope: 'cluster' | 'namespace' = 'cluster') => {
    const { groups } = discover(world, { ...SETTINGS, peerScope: scope });
    return [...groups.values()].map((group) => group.members.map((member) => member.identity));
  };

  it('groups the validators of one network over all namespaces, or within each', () => {
    const world = worldWith({ nodes: [node('a'), node('b', { namespace: 'other' })] });
    assert.deepEqual(names(world), [['other/b-0:11625', 'stellar/a-0:11625']]);
    assert.deepEqual(names(world, 'namespace'), [['other/b-0:11625'], ['stellar/a-0:11625']]);
  });

  it('leaves out suspended and unreadable validators, with a reason, and costs no other validator a peer', () => {
    const world = worldWith({
      nodes: [
        node('a'),
        node('b', { spec: { suspended: true } }),
        node('c', { spec: { validatorConfig: { peerPort: 70_000 } } }),
        node('d', { spec: { network: 7 } }),
        node('e'),
        node('x'.repeat(60)),
      ],
    });
    const { groups, skipped } = discover(world, SETTINGS);
    assert.deepEqual(names(world), [['stellar/a-0:11625', 'stellar/e-0:11625']]);
    const codes = Object.fromEntries([...skipped].map(([key, why]) => [key.slice(0, 9), why.code]));
    assert.deepEqual(codes, {
      'stellar/b': 'Suspended',
      'stellar/c': 'InvalidPort',
      'stellar/d': 'UnreadableNetwork',
      'stellar/x': 'NameTooLong',
    });
    assert.equal(groups.get('testnet')?.existing.size, 4, 'a suspended validator still exists');
  });

  it('takes the Service name and the size from the StatefulSet only if the StellarNode controls it', () => {
    const own = statefulSet('a', { spec: { serviceName: 'svc', replicas: 2 } });
    const stray = statefulSet('b', { spec: { serviceName: 'evil', replicas: 5 }, ownerUid: 'stranger' });
    const { groups } = discover(
      worldWith({ nodes: [node('a'), node('b')], statefulSets: [own, stray] }),
      SETTINGS,
    );
    assert.deepEqual(
      groups.get('testnet')?.members.map((member) => member.address),
      [
        'a-0.svc.stellar.svc.cluster.local:11625',
        'a-1.svc.stellar.svc.cluster.local:11625',
        'b-0.b-headless.stellar.svc.cluster.local:11625',
      ],
    );
  });

  it('numbers the pods from the first ordinal of the StatefulSet', () => {
    const own = statefulSet('a', { spec: { replicas: 2, ordinals: { start: 3 } } });
    const odd = statefulSet('b', { spec: { ordinals: { start: -1 } } });
    const world = worldWith({
      nodes: [node('a'), node('b')],
      statefulSets: [own, odd],
      pods: [named('a-4', pod('a'))],
    });
    const { groups, statefulSetOf } = discover(world, SETTINGS);
    assert.deepEqual(
      groups.get('testnet')?.members.map((member) => member.pod),
      ['a-3', 'a-4', 'b-0'],
    );
    const first = statefulSetOf.get('stellar/a');
    assert.ok(first);
    assert.deepEqual(
      podsOf(world, first).map(({ name }) => name),
      ['a-4'],
    );
  });
});

describe('views', () => {
  const groupOf = (count: number) => {
    const nodes = Array.from({ length: count }, (_, index) => node(`v${index}`));
    const group = discover(worldWith({ nodes }), SETTINGS).groups.get('testnet');
    assert.ok(group);
    return group;
  };

  it('have all members but the validator itself, while these fit', () => {
    const view = viewOf('stellar/v1', groupOf(3), 24);
    assert.deepEqual(
      view.map((member) => member.pod),
      ['v0-0', 'v2-0'],
    );
  });

  it('are limited in size, and a new validator changes only the views that it joins', () => {
    const before = groupOf(200);
    const after = groupOf(201);
    let changed = 0;
    for (const { key } of before.validators) {
      const then = viewOf(key, before, 24).map((member) => member.identity);
      const now = viewOf(key, after, 24).map((member) => member.identity);
      assert.equal(now.length, 24);
      const gained = now.filter((identity) => !then.includes(identity));
      if (gained.length === 0) assert.deepEqual(now, then);
      else {
        assert.deepEqual(gained, ['stellar/v200-0:11625']);
        changed += 1;
      }
    }
    assert.ok(changed > 0 && changed < 60, `${changed} of 200 views changed`);
  });

  it('are spread evenly: each of 200 validators is in at least 8 views', () => {
    const group = groupOf(200);
    const counts = new Map<string, number>();
    for (const { key } of group.validators) {
      for (const { identity } of viewOf(key, group, 24))
        counts.set(identity, (counts.get(identity) ?? 0) + 1);
    }
    const least = Math.min(...counts.values());
    assert.ok(counts.size === 200 && least >= 8, `least known: ${least}`);
  });
});

describe('hashes', () => {
  it('do not depend on order', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (identities) => {
        assert.equal(viewHash(identities), viewHash([...identities].reverse()));
      }),
    );
  });

  it('have a fixed form, known to running pods of older versions', () => {
    const identity = identityOf('stellar', 'validator-1-0', 11_625);
    assert.equal(identity, 'stellar/validator-1-0:11625');
    assert.match(digestOf(identity), /^[0-9a-f]{8}$/);
    assert.equal(viewHash([]), 'e3b0c44298fc1c14');
    assert.equal(formatDigests(['bbbbbbbb', 'aaaaaaaa']), 'v1:aaaaaaaa,bbbbbbbb');
  });

  it('are read back as written, and no other text is read as a hash', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const digests = texts.map(digestOf).sort();
        assert.deepEqual(parseDigests(formatDigests(digests)), digests);
      }),
    );
    for (const text of ['', 'v2:', 'v1', 'v1:xyz', 'v1:aaaaaaaa,', 'v1:aaaaaaaabbbbbbbb']) {
      assert.equal(parseDigests(text), undefined, text);
    }
  });
});
