/** StellarNodes of any content are read, or refused with a reason, without any effect on others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../../peers/discovery/address.ts';
import { type Discovery, discover } from '../../../peers/discovery/discover.ts';
import { NETWORK_ID } from '../../../peers/discovery/network.ts';
import { readNode } from '../../../peers/read/stellar-node.ts';
import { describeReason } from '../../../peers/reasons/reasons.ts';
import { viewOf } from '../../../peers/views/views.ts';
import type { NodeReading, World } from '../../../peers/world.ts';
import { toleranceOf } from '../peers/quorum-texts.ts';
import { DISCOVERY, networkParts, setOf } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';
import { fuzz, type Odd, oddOf, oddText, oddValue } from './odd.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const GOOD = networkParts(Object.fromEntries(NAMES.map((name) => [name, {}])));
const MAX_PEERS = 100;

const ANNOTATIONS = [
  ...[
    'peer-rollout',
    'peer-adopt',
    'peer-roll-for',
    'peer-budget',
    'peer-injection',
    'peer-port',
    'peer-address',
    'peer-config',
  ],
].map((name) => `stellar.org/${name}`);

/** StellarNodes of both generations of the definition, with everything set that is read. */
const VALID = [
  node('odd', {
    namespace: 'elsewhere',
    annotations: Object.fromEntries(ANNOTATIONS.map((name) => [name, '1'])),
    spec: {
      network: 'custom',
      customNetworkPassphrase: 'test net',
      validatorConfig: {
        peerPort: 11_625,
        quorumSet: setOf(['a', 'b', 'c'], 67),
        knownPeers: 'KNOWN_PEERS=["core.example.org", "192.0.2.1:1"]',
        externalDns: { hostname: 'odd.example.org' },
      },
      crossCluster: {
        enabled: true,
        externalName: { externalDnsName: 'odd.us.example.org' },
        peerClusters: [{ endpoint: 'west.example.org', port: 11_725, enabled: true }],
      },
    },
  }),
  node('odd', { spec: { network: { Custom: 'test net' }, replicas: 3 } }),
  node('odd', { spec: { network: 'Mainnet', suspended: false, maintenanceMode: true } }),
];

const oddNode = fc.oneof(
  oddOf(VALID),
  // What is read of the network is the widest door: a text of any kind is a passphrase.
  oddText.map((passphrase) => node('odd', { spec: { network: { custom: passphrase } } })),
  fc.tuple(oddText, oddValue).map(([key, value]) => node('odd', { spec: { network: { [key]: value } } })),
);

const rawOf = (odd: Odd | object): Record<string, unknown> =>
  ('value' in odd ? odd.value : odd) as Record<string, unknown>;

/** Odd nodes have names of their own, whatever they say of themselves: none is two. */
const keyFor = (index: number): string => `odd/${index}`;

function withNodes(world: World, odds: readonly NodeReading[]): World {
  const nodes = new Map(world.nodes);
  for (const [index, reading] of odds.entries()) {
    const key = keyFor(index);
    const isValidator = reading.kind === 'validator';
    nodes.set(key, isValidator ? { ...reading, validator: { ...reading.validator, key } } : reading);
  }
  return { ...world, nodes };
}

/** What each good validator would know, the odd ones left out. */
function viewsOf(discovery: Discovery): Record<string, readonly string[]> {
  const views: Record<string, readonly string[]> = {};
  for (const name of NAMES) {
    const key = `stellar/${name}`;
    const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
    assert.ok(group, `${name} is in no group`);
    const known = viewOf(key, group, MAX_PEERS).filter((member) =>
      NAMES.some((each) => member.node === `stellar/${each}`),
    );
    views[name] = known.map(({ address }) => address);
  }
  return views;
}

describe('a StellarNode of any content', () => {
  it('is read as a validator, as no validator, or as unreadable with a printable reason', async (t) => {
    await fuzz(t, { runs: 1_500, values: oddNode }, (odd) => {
      const reading = readNode(rawOf(odd));
      if (reading.kind === 'unreadable') assert.ok(describeReason(reading.reason).length < 400);
      if (reading.kind !== 'validator') return;
      const { network, port, replicas, createdAtMs, advertised, remark } = reading.validator;
      const { ownPeers, outwardNames } = reading.validator;
      for (const { address } of [...ownPeers, ...outwardNames]) assert.equal(parseAddress(address), address);
      assert.match(String(network.id), NETWORK_ID);
      assert.equal(typeof network.id, 'string');
      assert.equal(typeof network.title, 'string');
      assert.ok(Number.isInteger(port) && port > 0 && port < 65_536);
      assert.ok(Number.isInteger(replicas) && replicas >= 0 && replicas <= 100);
      assert.ok(Number.isFinite(createdAtMs));
      assert.ok(advertised === undefined || /^[a-z0-9.-]+:\d+$/.test(advertised));
      assert.ok(remark === undefined || describeReason(remark).length < 400);
    });
  });

  it('changes the lists of the others only by its own entry, if it is a validator', async (t) => {
    const world = worldWith(GOOD);
    const scopes = ['cluster', 'namespace'] as const;
    const before = scopes.map((peerScope) => viewsOf(discover(world, { ...DISCOVERY, peerScope })));
    await fuzz(t, { values: fc.array(oddNode, { minLength: 1, maxLength: 4 }) }, (odds) => {
      const readings = odds.map((odd) => readNode(rawOf(odd)));
      const crowded = withNodes(world, readings);
      for (const [index, peerScope] of scopes.entries()) {
        const discovery = discover(crowded, { ...DISCOVERY, peerScope });
        assert.deepEqual(viewsOf(discovery), before[index]);
        for (const key of discovery.groups.keys()) assert.equal(typeof key, 'string');
      }
      const { skipped } = discover(crowded, DISCOVERY);
      for (const [position, reading] of readings.entries()) {
        if (reading.kind === 'unreadable') assert.ok(skipped.has(keyFor(position)));
      }
    });
  });

  it('has a quorum set that is readable or unreadable, whatever its content', async (t) => {
    const lines = fc.array(fc.oneof(oddText, fc.constantFrom(...setOf(['a', 'b'], 51).split('\n'))));
    await fuzz(t, { values: lines.map((list) => list.join('\n')) }, (text) => {
      const tolerance = toleranceOf(text);
      assert.ok(tolerance === undefined || Number.isInteger(tolerance));
    });
  });
});
