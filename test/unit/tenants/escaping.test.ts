/** Names, passphrases and annotations stay plain text in files, Events, logs and metrics. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { parseAddress } from '../../../peers/discovery/address.ts';
import { decideMerge } from '../../../peers/injection/merge.ts';
import { podShapeOf } from '../../../peers/read/pod-shape.ts';
import { describeReason, reason } from '../../../peers/reasons/reasons.ts';
import { atOnce } from '../../../peers/steps.ts';
import { labelsOf, validatorSeries } from '../../../reconciler/report/group-labels.ts';
import { showPorts } from '../../../reconciler/report/port-gauges.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import { Events } from '../../../runtime/kube/resources.ts';
import { METRICS, Metrics } from '../../../runtime/metrics.ts';
import { DISCOVERY, NOW_MS } from '../reconciler/group.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, podSpec, worldWith } from '../world.ts';
import { foreign, published, VICTIMS, withVictims } from './stage.ts';

/** Characters that could end a string, a line, a command or a label. */
const MEANT = [
  '"',
  "'",
  '\\',
  '\n',
  '\r',
  ']',
  '=',
  '#',
  '$',
  '`',
  ';',
  '}',
  ',',
  '\u001b[2J',
  '\u202e',
  '\u2028',
  '\0',
];
const evil = fc.array(fc.oneof(fc.constantFrom(...MEANT, 'a', '9', '.', ':', '-'), fc.string()), {
  maxLength: 12,
});
const evilText = evil.map((pieces) => pieces.join(''));

describe('text that the owner of a namespace writes', () => {
  it('appears in the files of others only as host:port, one on each line, and the TOML has the same addresses', () => {
    fc.assert(
      fc.property(evilText, evilText, evilText, (serviceName, address, passphrase) => {
        const custom = { network: 'custom', customNetworkPassphrase: passphrase || 'x' };
        const annotations = { 'stellar.org/peer-address': address, 'stellar.org/peer-port': address };
        const { data, lines } = published(
          withVictims(
            foreign('m', { annotations }),
            foreign('n', { statefulSet: { serviceName } }),
            foreign('o', { spec: custom }),
          ),
        );
        for (const name of VICTIMS) {
          const listed = lines('stellar', name);
          for (const line of listed) assert.equal(parseAddress(line), line);
          const toml = parse(data('stellar')[`${name}.peers.toml`] ?? '');
          assert.deepEqual({ ...toml }, { KNOWN_PEERS: listed });
        }
        const overview = data('stellar-peers');
        assert.ok(Array.isArray(JSON.parse(overview['networks.json'] ?? '')));
        for (const line of (overview.KNOWN_PEERS ?? '').split('\n').slice(0, -1)) {
          assert.equal(parseAddress(line), line);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is given to the merge script as the name of one file, or is refused', () => {
    const pod = podShapeOf({ spec: podSpec() });
    const [main] = pod.containers;
    assert.ok(main);
    fc.assert(
      fc.property(evilText, (text) => {
        const decision = decideMerge(pod, main, { annotation: `/config/${text}`, mode: 'auto' });
        if (decision.kind === 'merge') assert.match(decision.file, /^[ -~]+$/);
        if (decision.kind === 'merge') assert.ok(!decision.file.includes('/'));
      }),
    );
  });

  it('is shown on a terminal, in an Event and in the log without characters that move the cursor or end the line', () => {
    fc.assert(
      fc.property(evilText, (text) => {
        const why = reason('UnknownBudget', text);
        assert.doesNotMatch(describeReason(why), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(describeReason(reason('UnknownBudget', text.repeat(1_000))).length < 10_000);
      }),
    );
  });

  it('causes an Event for the StellarNode that contains the text, and for no other StellarNode', async () => {
    const kube = new MemoryKube();
    const options = { kube, clock: new ManualClock(NOW_MS), log: new CapturedLog(), metrics: new Metrics() };
    const reporter = new Reporter({ ...options, instance: 'one' });
    const world = worldWith({ nodes: [node('a'), node('m', { namespace: 'mallory' })] });
    const detail = '"}\n{"regarding":{"namespace":"stellar","name":"a"}}';
    atOnce(reporter.reportSteps(world, new Map([['mallory/m', [reason('UnknownBudget', detail)]]])));
    const { items } = await kube.list(Events);
    const [event, ...more] = items;
    assert.ok(event && more.length === 0);
    assert.equal(event.metadata.namespace, 'mallory');
    assert.equal((event.regarding as { name: string }).name, 'm');
    assert.doesNotMatch(String(event.note), /\n/);
  });

  it('cannot end a label of a metric', async () => {
    const metrics = new Metrics();
    const value = 'a"} 1\nevil_total{b="\\';
    metrics.replace('stellar_peers_waiting', [{ labels: { reason: value }, value: 1 }]);
    const lines = (await metrics.render()).split('\n').filter((line) => /^[^#]/.test(line));
    assert.ok(
      lines.every((line) => line.startsWith('stellar_peers_')),
      'the text makes no line of its own',
    );
    const line = lines.find((each) => each.startsWith('stellar_peers_waiting{'));
    assert.equal(line, String.raw`stellar_peers_waiting{reason="a\"} 1\nevil_total{b=\"\\"} 1`);
  });
});

describe('the metrics', () => {
  const custom = (index: number) => ({ network: 'custom', customNetworkPassphrase: `net "${index}"\n` });
  const old = node('old', { creationTimestamp: '2025-01-01T00:00:00Z', spec: custom(-1) });
  const young = Array.from({ length: 5_000 }, (_, index) =>
    node(`m${index}`, {
      namespace: 'mallory',
      creationTimestamp: '2026-01-01T00:00:00Z',
      spec: { ...custom(index), suspended: index % 2 === 0 },
    }),
  );

  it('of groups are of 100 groups at most, the public and the oldest ones; all others share one label', () => {
    const parts = { nodes: [old, ...young, node('public', { creationTimestamp: '2026-05-01T00:00:00Z' })] };
    const { discovery } = published(parts, DISCOVERY, 1);
    const series = validatorSeries(discovery.groups, labelsOf(discovery.groups.values()));
    const labels = new Set(series.map(({ labels: { group } }) => group));
    assert.equal(labels.size, 101);
    for (const key of ['stellar/old', 'stellar/public'])
      assert.ok(labels.has(discovery.groupOf.get(key) ?? ''));
    const total = series.reduce((sum, { value }) => sum + value, 0);
    assert.equal(total, 5_002, 'none is left out');
    assert.ok([...labels].every((label) => /^(testnet|custom-[0-9a-f]{16}|other)$/.test(label)));
  });

  it('of pods are of 1,000 pods at most, of each namespace in turn', async () => {
    const metrics = new Metrics();
    const connection = { expected: 3, connected: 2, synced: true };
    const theirs = Array.from({ length: 5_000 }, (_, index) => [`mallory/m${index}-0`, connection] as const);
    showPorts(metrics, ['open'], new Map([...theirs, ['stellar/a-0', connection]]));
    const lines = (await metrics.render()).split('\n');
    for (const name of ['expected_peers', 'connected_peers', 'synced']) {
      const series = lines.filter((line) => line.startsWith(`stellar_peers_${name}{`));
      assert.equal(series.length, 1_000);
      assert.ok(series.some((line) => line.includes('namespace="stellar",pod="a-0"')));
    }
  });

  it('of a few groups have a label for each group', () => {
    const { discovery } = published({ nodes: [node('a'), node('b', { spec: { suspended: true } })] });
    assert.deepEqual(validatorSeries(discovery.groups, labelsOf(discovery.groups.values())), [
      { labels: { group: 'testnet', state: 'active' }, value: 1 },
      { labels: { group: 'testnet', state: 'suspended' }, value: 1 },
    ]);
  });

  it('have no label outside this list: think about the number of series before you add one', () => {
    const labels = Object.values(METRICS).flatMap((metric) => [...metric.labels]);
    assert.deepEqual([...new Set(labels)].sort(), [
      ...['drift', 'group', 'kind', 'namespace', 'pod', 'reason', 'result', 'state', 'title'],
    ]);
    // Each group has one title. For a private network, the title has namespaces and a hash, but no text of a tenant.
    const titled = Object.entries(METRICS).filter(([, metric]) =>
      metric.labels.some((each) => each === 'title'),
    );
    assert.deepEqual(
      titled.map(([name]) => name),
      ['stellar_peers_network_info'],
    );
    // Series with the label `pod` exist for at most 1,000 running validators whose HTTP port is open to us.
    const byPod = Object.entries(METRICS).filter(([, metric]) =>
      metric.labels.some((label) => label === 'pod'),
    );
    assert.deepEqual(
      byPod.map(([name]) => name),
      ['stellar_peers_expected_peers', 'stellar_peers_connected_peers', 'stellar_peers_synced'],
    );
  });
});
