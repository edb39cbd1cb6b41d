/** What the owner of one namespace can do, and cannot do, to the validators of others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { networkOf } from '../../../peers/discovery/network.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import { planServices } from '../../../reconciler/plan/publish/services.ts';
import { liveDigests } from '../../../reconciler/plan/restarts/liveness.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../../reconciler/plan/restarts/setbacks.ts';
import { statusText } from '../cli/status-text.ts';
import { NOW_MS, SETTINGS, stamp as stampOf, webhookOf } from '../reconciler/group.ts';
import { node, type Parts, pod, type Raw, statefulSet, worldWith } from '../world.ts';
import {
  afterPublishing,
  bytesIn,
  foreign,
  MALLORY,
  published,
  settingsWith,
  VICTIMS,
  withVictims,
} from './stage.ts';

const OWN_NETWORK = { network: 'custom', customNetworkPassphrase: 'of my own' };
const CLOSED = settingsWith('testnet=stellar');
const many = (count: number, options: Parameters<typeof foreign>[1] = {}): Parts[] =>
  Array.from({ length: count }, (_, index) => foreign(`m${index}`, options));

/** The validators that would be restarted now, in a World that has not changed for an hour. */
function restartsIn(parts: Parts, settings = settingsWith('')) {
  const published = afterPublishing(parts, settings);
  const names = new Set((published.nodes ?? []).map(({ metadata }) => metadata.namespace ?? ''));
  const namespaces = [...names].map((name): Raw => ({ metadata: { name } }));
  const world = worldWith({ ...published, namespaces, webhook: webhookOf('2025-01-01T00:00:00Z') });
  const discovery = discover(world, settings);
  const live = liveDigests(world, discovery);
  const isLive = (digest: string) => live.has(digest);
  const plans = planRollout({
    world,
    discovery,
    settings: { ...SETTINGS, quorumCheck: 'off', maxUnavailable: { value: 1000, isPercent: false } },
    nowMs: NOW_MS,
    setbacks: NO_SETBACKS,
    quiet: () => ({ quietMs: 3_600_000, changingMs: 0 }),
    readyForMs: () => 3_600_000,
    downForMs: () => 3_600_000,
    liveness: { isLive, wasLive: isLive },
    listedSinceMs: () => Number.POSITIVE_INFINITY,
  });
  return [...plans.values()].flatMap(({ restart }) => (restart ? [restart.validator.key] : []));
}

describe('a namespace that NETWORK_NAMESPACES does not list for the network of its validators', () => {
  const parts = withVictims(foreign('m'));

  it('has no member in that network: its validators are in no list, and get no peers and no Service', () => {
    const { discovery, data, lines, world } = published(parts, CLOSED);
    assert.deepEqual(
      discovery.groups.get('testnet')?.members.map((member) => member.identity),
      ['stellar/a-0:11625', 'stellar/b-0:11625', 'stellar/c-0:11625'],
    );
    assert.deepEqual(data(MALLORY), {});
    for (const name of VICTIMS) assert.ok(lines('stellar', name).every((line) => !line.includes(MALLORY)));
    assert.ok(!(data('stellar-peers').KNOWN_PEERS ?? '').split('\n')[3], 'three in the overview');
    const services = planServices(world, discovery).create.map(({ validator }) => validator.namespace);
    assert.deepEqual([...new Set(services)], ['stellar']);
  });

  it('is reported as NamespaceNotAllowed, as a reason and in status', () => {
    const { discovery, world } = published(parts, CLOSED);
    const why = discovery.skipped.get('mallory/m');
    assert.deepEqual(why, { code: 'NamespaceNotAllowed', detail: 'mallory for testnet' });
    const text = statusText(world, { env: { NETWORK_NAMESPACES: 'testnet=stellar' } });
    assert.match(text, /testnet +mallory +m .* NamespaceNotAllowed/);
    assert.match(text, /mallory\/m {2}NamespaceNotAllowed/);
  });

  it('has no validator restarted, and causes no restart, although its pods lack all peers', () => {
    const open = restartsIn(withVictims(...many(8)));
    assert.equal(open.length, 1, 'without NETWORK_NAMESPACES, one validator is restarted');
    assert.deepEqual(restartsIn(withVictims(...many(8)), CLOSED), []);
  });

  it('loses its members and its ConfigMap when NETWORK_NAMESPACES is set; the other validators keep their own peers', () => {
    const before = afterPublishing(parts);
    const [gone] = published(before, CLOSED).plan.configMaps.filter(({ namespace }) => namespace === MALLORY);
    assert.deepEqual([gone?.data, gone?.remove], [{}, true]);
    assert.deepEqual(published(before, CLOSED).lines('stellar', 'a').length, 2);
    assert.deepEqual(restartsIn(parts, CLOSED), []);
  });

  it('may take part in every network that the setting does not name; the setting names custom networks by their id', () => {
    const passphrase = 'My Net ; 2026';
    const id = networkOf({ network: { Custom: passphrase } })?.id ?? '';
    const nodes = ['stellar', MALLORY].map((namespace) =>
      node('x', { namespace, spec: { network: 'custom', customNetworkPassphrase: passphrase } }),
    );
    const members = (setting: string) =>
      discover(worldWith({ nodes }), settingsWith(setting)).groups.get(id)?.members.length;
    assert.equal(members('testnet=stellar'), 2);
    assert.equal(members(`testnet=stellar; ${id}=mallory`), 1);
    assert.equal(members(`${id}=mallory, stellar`), 2);
  });
});

describe('the owner of a namespace', () => {
  it('can make members only of pods of their own namespace: copied names, labels and owners prove nothing', () => {
    const stolen = pod('a', { namespace: MALLORY, ownerUid: 'sts-a' });
    const copied = statefulSet('a', {
      namespace: MALLORY,
      ownerUid: 'node-a',
      spec: { serviceName: 'a-headless' },
    });
    const { discovery, world } = published(
      withVictims({ statefulSets: [copied], pods: [stolen] }, foreign('b', { statefulSet: { replicas: 2 } })),
    );
    const members = discovery.groups.get('testnet')?.members ?? [];
    const theirs = members.filter(({ namespace }) => namespace === MALLORY);
    assert.deepEqual(
      theirs.map(({ dns }) => dns),
      ['b-0.b-headless.mallory.svc.cluster.local', 'b-1.b-headless.mallory.svc.cluster.local'],
    );
    assert.equal(liveDigests(world, discovery).size, 4, 'three of stellar, one of mallory');
    for (const { dns, namespace } of members) assert.ok(dns.endsWith(`.${namespace}.svc.cluster.local`));
  });

  it('cannot leave the DNS zone of their namespace by the name of a Service', () => {
    for (const serviceName of [
      'a-headless.stellar.svc.cluster.local.',
      'x\n203.0.113.9:11625',
      '"]\nUNSAFE_QUORUM=true\nX=["',
      'a.'.repeat(100_000),
      '$(reboot)',
      'UPPER',
      '-x',
    ]) {
      const { discovery, lines } = published(withVictims(foreign('m', { statefulSet: { serviceName } })));
      assert.match(discovery.skipped.get('mallory/m')?.code ?? '', /^(InvalidServiceName|NameTooLong)$/);
      assert.deepEqual(lines('stellar', 'a'), [
        'b-0.b-headless.stellar.svc.cluster.local:11625',
        'c-0.c-headless.stellar.svc.cluster.local:11625',
      ]);
    }
  });

  it('cannot enlarge the files of others beyond the size limit of a view', () => {
    const base = bytesIn(withVictims(), 'stellar');
    const spec = { replicas: 100 };
    const crowd = withVictims(...many(20, { spec, bare: true }));
    const { lines } = published(crowd);
    for (const name of VICTIMS) assert.equal(lines('stellar', name).length, 24);
    assert.ok(bytesIn(crowd, 'stellar') < base + 3 * 24 * 2 * 200, `${bytesIn(crowd, 'stellar')} bytes`);
  });

  it('cannot empty a list of others by 1,300 StellarNodes of 100 replicas, here in another network', () => {
    const crowd: Parts = {
      nodes: Array.from({ length: 1_300 }, (_, index) =>
        node(`m${index}`, { namespace: MALLORY, spec: { ...OWN_NETWORK, replicas: 100 } }),
      ),
    };
    const views = new ViewBook(discover(worldWith(withVictims(crowd)), settingsWith('')), 24);
    for (const { peerList } of views.pageOf('stellar').entries) assert.equal(peerList.view.length, 2);
    assert.equal(views.pageOf('stellar').entries.length, 3);
  });

  it('cannot have more members than the limit on replicas allows, and gets one place for an address that all replicas share', () => {
    const greedy = { spec: { replicas: 100 }, statefulSet: { replicas: 2_000_000_000 } };
    const { discovery } = published(withVictims(foreign('m', greedy)));
    assert.equal(
      discovery.groups.get('testnet')?.members.length,
      3 + 1 + 3,
      'three of stellar, the pod of mallory that exists, and three replicas without a pod',
    );
    const annotations = { 'stellar.org/peer-address': 'evil.example.org:1' };
    const { lines } = published(withVictims(foreign('m', { ...greedy, annotations })));
    assert.equal(lines('stellar', 'a').filter((line) => line.startsWith('evil')).length, 1);
  });

  it('cannot push others out of the overview with networks of long names, or with many networks', () => {
    const custom = (passphrase: string) => ({ network: 'custom', customNetworkPassphrase: passphrase });
    const long = Array.from({ length: 20 }, (_, index) =>
      foreign(`l${index}`, { spec: custom(`${'x'.repeat(80_000)}${index}`) }),
    );
    const closed = {
      nodes: [node('d', { spec: custom('ours') })],
      statefulSets: [statefulSet('d')],
      pods: [pod('d')],
    };
    const crowd = Array.from({ length: 9_000 }, (_, index) =>
      foreign(`n${index}`, { spec: custom(`${'\u0001'.repeat(200)}${index}`), bare: true }),
    );
    const longest = published(withVictims(...long)).data('stellar-peers');
    assert.doesNotMatch(
      longest.discovery_metadata ?? '',
      /truncated/,
      'a long name takes no more than a short one',
    );
    for (const added of [long, crowd]) {
      const { data, plan } = published(withVictims(closed, ...added));
      const overview = data('stellar-peers');
      assert.equal((overview['networks.json'] ?? '').match(/"namespace": "stellar"/g)?.length, 4);
      const size = Object.values(overview).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      assert.ok(size > 0 && size <= 900 * 1024, `${size} bytes`);
      // A ConfigMap of mallory may be too large: this concerns mallory's validators only.
      assert.ok([...plan.reports.keys()].every((key) => key.startsWith(MALLORY)));
    }
  });

  it('cannot cause a restart elsewhere by a StellarNode whose pod never ran', () => {
    assert.deepEqual(restartsIn(withVictims(...many(40, { bare: true }))), []);
    const pending = many(8).map((parts) => ({
      ...parts,
      pods: (parts.pods ?? []).map((raw) => ({ ...raw, status: { phase: 'Pending' } })),
    }));
    assert.deepEqual(restartsIn(withVictims(...pending)), []);
  });

  it('cannot cause a restart of a validator that knows ROLL_BELOW peers; of other validators, only one restart at a time', () => {
    assert.equal(restartsIn(withVictims(...many(8))).length, 1);
    const names = Array.from({ length: 9 }, (_, index) => `v${index}`);
    const settled = {
      nodes: names.map((name) => node(name)),
      statefulSets: names.map((name) => statefulSet(name)),
      pods: names.map((name) => pod(name, { annotations: stampOf(names.filter((other) => other !== name)) })),
    };
    const crowded = withVictims(settled, ...many(40));
    assert.ok(restartsIn(crowded).every((key) => !names.includes(key.replace('stellar/', ''))));
  });
});
