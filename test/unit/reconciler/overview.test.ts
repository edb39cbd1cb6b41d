import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { overviewData, rightDomainIn } from '../../../reconciler/plan/publish/overview.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, NOW_MS } from './group.ts';
import { OWN, Publishing, running } from './publishing.ts';

const overviewOf = (parts: Parts) => {
  const world = worldWith(parts);
  const data = overviewData({ world, discovery: discover(world, DISCOVERY), connections: new Map() }, NOW_MS);
  return {
    data,
    knownPeers: (data.KNOWN_PEERS ?? '').split('\n').filter((line) => line !== ''),
    networks: JSON.parse(data['networks.json'] ?? '') as Array<{ peers: unknown[] }>,
    metadata: JSON.parse(data.discovery_metadata ?? '') as Record<string, unknown>,
  };
};

const withStatus = (raw: Raw, status: object): Raw => ({
  ...raw,
  status: { ...(raw.status as object), ...status },
});

describe('the overview', () => {
  it('lists the running pods of all networks, Ready or not, for people and for programs', () => {
    const parts: Parts = {
      nodes: [
        node('a'),
        node('b', {
          namespace: 'other',
          spec: { network: 'mainnet', validatorConfig: { peerPort: 11_725 } },
        }),
      ],
      statefulSets: [statefulSet('a'), statefulSet('b', { namespace: 'other' })],
      pods: [
        withStatus(pod('a', { ready: false }), { podIP: '10.0.0.7' }),
        withStatus(pod('b', { namespace: 'other' }), { podIP: '10.0.0.8' }),
      ],
    };
    const { knownPeers, networks, metadata } = overviewOf(parts);
    assert.deepEqual(knownPeers, ['10.0.0.8:11725', '10.0.0.7:11625']);
    const peer = (name: string, namespace: string, rest: object) => ({
      namespace,
      name,
      ordinal: 0,
      dns: `${name}-0.${name}-headless.${namespace}.svc.cluster.local`,
      ...rest,
    });
    assert.deepEqual(networks, [
      { network: 'mainnet', title: 'mainnet', peers: [peer('b', 'other', { ip: '10.0.0.8', port: 11_725 })] },
      {
        network: 'testnet',
        title: 'testnet',
        peers: [peer('a', 'stellar', { ip: '10.0.0.7', port: 11_625 })],
      },
    ]);
    assert.deepEqual(metadata, {
      discovered_at: new Date(NOW_MS).toISOString(),
      peer_count: 2,
      active_validators: 2,
    });
  });

  it('lists no pod that does not run, is being deleted, has no IPv4 address, or only looks like a validator', () => {
    const names = ['fine', 'pending', 'deleting', 'ipv6', 'stray', 'suspended'];
    const { knownPeers, metadata } = overviewOf({
      nodes: names.map((name) => node(name, { spec: { suspended: name === 'suspended' } })),
      statefulSets: names.map((name) => statefulSet(name)),
      pods: [
        pod('fine'),
        pod('pending', { phase: 'Pending' }),
        pod('deleting', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        withStatus(pod('ipv6'), { podIP: 'fd00::1' }),
        pod('stray', { ownerUid: 'of-a-stranger' }),
        pod('suspended'),
        pod('unknown'),
      ],
    });
    assert.deepEqual(knownPeers, ['10.0.0.1:11625']);
    assert.equal(metadata.peer_count, 1);
    assert.equal(metadata.active_validators, 5);
  });

  it('lists the IPv4 address of a pod that has IPv4 and IPv6', () => {
    const both = withStatus(pod('a'), { podIP: 'fd00::1', podIPs: [{ ip: 'fd00::1' }, { ip: '10.0.0.9' }] });
    const { knownPeers } = overviewOf({ nodes: [node('a')], statefulSets: [statefulSet('a')], pods: [both] });
    assert.deepEqual(knownPeers, ['10.0.0.9:11625']);
  });

  it('is cut at 900 KiB, and says so', () => {
    const names = Array.from({ length: 60 }, (_, index) => `v${index}`);
    const spec = { replicas: 100 };
    const parts: Parts = {
      nodes: names.map((name) => node(name, { spec })),
      statefulSets: names.map((name) => statefulSet(name, { spec })),
      pods: names.flatMap((name) => Array.from({ length: 100 }, (_, ordinal) => pod(name, { ordinal }))),
    };
    const { data, knownPeers, networks, metadata } = overviewOf(parts);
    const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytes <= 900 * 1024, `${bytes} bytes`);
    assert.ok(bytes > 880 * 1024, `${bytes} bytes`);
    assert.equal(metadata.truncated, true);
    assert.equal(metadata.peer_count, knownPeers.length);
    assert.equal(networks[0]?.peers.length, knownPeers.length);
    assert.equal(overviewOf({ ...parts, pods: [] }).metadata.truncated, undefined);
  });

  it('is not written if only its time would change, nor more than once a second', async () => {
    const publishing = new Publishing();
    const parts = running('a', 'b');
    assert.ok((await publishing.pass(parts)).includes(OWN));
    publishing.clock.advance(60_000);
    assert.deepEqual((await publishing.plan(parts)).configMaps, []);
    const former = publishing.data(OWN);
    assert.ok((await publishing.pass(running('a', 'b', 'c'))).includes(OWN));
    assert.notDeepEqual(publishing.data(OWN), former);
    assert.ok(!(await publishing.pass(running('a', 'b', 'c', 'd'))).includes(OWN));
    assert.equal(publishing.publisher.retryInMs(), 1_000);
    publishing.clock.advance(1_000);
    assert.deepEqual(await publishing.pass(running('a', 'b', 'c', 'd')), [OWN]);
    assert.equal(JSON.parse(publishing.data(OWN).discovery_metadata ?? '').peer_count, 4);
  });

  it('names the domain of the cluster only if CLUSTER_DOMAIN is known to be wrong', () => {
    const world = worldWith(running('a', 'b'));
    const input = { world, discovery: discover(world, DISCOVERY), connections: new Map() };
    const told = (rightDomain?: string) => rightDomainIn(overviewData({ ...input, rightDomain }, NOW_MS));
    assert.deepEqual([told(), told('k8s.example')], [undefined, 'k8s.example']);
    const written = (domain: string) =>
      rightDomainIn({ discovery_metadata: JSON.stringify({ cluster_domain: domain }) });
    assert.equal(written('\u001b[2J x'), undefined, 'what is no name is not shown');
  });

  it('exists without any validator, so that a person can find the annotation for a pause', async () => {
    const publishing = new Publishing();
    assert.deepEqual(await publishing.pass({}), [OWN]);
    assert.equal(publishing.data(OWN).KNOWN_PEERS, '');
  });
});
