/** The exact output of the commands for one busy cluster, as text and as data. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { readSettings } from '../../app/settings.ts';
import { decideNow } from '../../cli/commands/current-reasons.ts';
import { renderExplanation } from '../../cli/commands/explain.ts';
import { explain } from '../../cli/commands/explanation.ts';
import { renderStatus } from '../../cli/commands/status.ts';
import { reasonsIn, statusReport } from '../../cli/commands/status-report.ts';
import { document } from '../../cli/output.ts';
import { inNamespace } from '../../cli/shown.ts';
import { evaluateWorld } from '../../cli/snapshot.ts';
import { discover } from '../../peers/discovery/discover.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { groupedReasons } from '../../peers/reasons/reason-groups.ts';
import type { World } from '../../peers/world.ts';
import { formatJournal } from '../../reconciler/plan/journal/journal.ts';
import { overviewData } from '../../reconciler/plan/publish/overview.ts';
import { DISCOVERY, NOW_MS, networkParts, networkWorld, type Spec, setOf } from '../unit/reconciler/group.ts';
import { node, worldWith } from '../unit/world.ts';
import { assertGolden } from './golden.ts';

const NAMES = ['alpha', 'bravo', 'carol', 'delta', 'echo'];
const withSet = { node: { spec: { validatorConfig: { quorumSet: setOf(['a', 'b', 'c', 'd', 'e'], 67) } } } };
const PAUSED = {
  ...withSet,
  node: { ...withSet.node, annotations: { 'stellar.org/peer-rollout': 'paused' } },
};
const SPECS: Readonly<Record<string, Spec>> = {
  alpha: {
    node: {
      spec: {
        validatorConfig: {
          ...withSet.node.spec.validatorConfig,
          knownPeers: 'KNOWN_PEERS=["core.example.org", "x.example.org"]',
          externalDns: { hostname: 'alpha.example.org' },
        },
        crossCluster: { enabled: true, peerClusters: [{ endpoint: 'x.example.org' }] },
      },
    },
  },
  bravo: { ...withSet, knows: ['alpha'] },
  carol: { ...PAUSED, knows: ['alpha', 'bravo'] },
  delta: { ...withSet, pod: { injected: false, annotations: {}, createdAt: '2025-01-01T00:00:00Z' } },
  echo: { ...withSet, pod: 'none', statefulSet: 'none' },
};

/** The World, with what the leader has journalled and seen. */
function world(): World {
  const parts = networkParts(SPECS, { webhookCreatedAt: '2025-06-01T00:00:00Z' });
  const bare = worldWith(parts);
  const [group = ''] = discover(bare, DISCOVERY).groups.keys();
  const entry = { kind: 'bump', uids: ['u'], token: 't', drift: 'short' } as const;
  const journal = formatJournal(
    [
      {
        ...entry,
        statefulSet: 'stellar/alpha',
        atMs: NOW_MS - 7_200_000,
        outcome: 'done',
        endedAtMs: NOW_MS - 7_000_000,
      },
      { ...entry, statefulSet: 'stellar/bravo', atMs: NOW_MS - 90_000 },
    ],
    NOW_MS,
  );
  const read = worldWith({
    ...parts,
    nodes: [...(parts.nodes ?? []), node('odd', { spec: { network: 7 } })],
    journal: { [group]: journal },
    external: { [group]: 'core.example.org\nalpha.example.org\nz.example.org' },
  });
  const connections = new Map([['stellar/alpha-0', { connected: 2, expected: 4, synced: true }]]);
  const data = overviewData({ world: read, discovery: discover(read, DISCOVERY), connections }, NOW_MS);
  const own = readConfigMap({ metadata: { name: 'stellar-peers', namespace: 'stellar-peers' }, data });
  return { ...read, configMaps: new Map(read.configMaps).set('stellar-peers', own) };
}

const snapshot = evaluateWorld(world(), readSettings({}), NOW_MS);
const cluster = decideNow(snapshot);
const paint = (_: string, text: string): string => text;

describe('status', () => {
  const report = statusReport(cluster);
  const groups = groupedReasons(reasonsIn(cluster));

  it('reads as it always did', () => {
    assertGolden('cli/status.txt', renderStatus(report, groups, { isWide: false, paint }));
    assertGolden('cli/status-wide.txt', renderStatus(report, groups, { isWide: true, paint }));
  });

  it('has tables that fit a terminal of 120 columns', () => {
    const [tables = ''] = renderStatus(report, groups, { isWide: false, paint }).split('\nBeing restarted:');
    for (const line of tables.split('\n')) assert.ok(line.length <= 120, line);
  });

  it('has the fields that it always had, the same in JSON and YAML', () => {
    assertGolden('cli/status.json.txt', document(report, 'json'));
    assert.deepEqual(parse(document(report, 'yaml')), JSON.parse(document(report, 'json')));
    const two = parseAllDocuments(document(report, 'yaml').repeat(2));
    assert.equal(two.length, 2, 'documents can follow each other');
  });

  it('of one namespace shows that one alone', () => {
    const { validators, networks, waiting } = statusReport(cluster, inNamespace('elsewhere'));
    assert.deepEqual([validators, networks, waiting], [[], [], []]);
    assert.deepEqual(statusReport(cluster, inNamespace('stellar')), report);
  });
});

describe('explain', () => {
  for (const name of [...NAMES, 'odd']) {
    it(`tells everything of ${name}`, () => {
      const found = explain(`stellar/${name}`, cluster);
      assert.ok(found);
      assertGolden(`cli/explain-${name}.txt`, renderExplanation(found, paint));
      if (name === 'bravo') assertGolden('cli/explain.json.txt', document(found, 'json'));
      assert.deepEqual(parse(document(found, 'yaml')), JSON.parse(document(found, 'json')));
    });
  }

  it('says who is the next to be restarted, and of no other that it is', () => {
    const calm = networkWorld({ alpha: { knows: ['carol'] }, bravo: { knows: ['carol'] }, carol: {} });
    const now = evaluateWorld(calm, readSettings({}), NOW_MS);
    const decisions = ['alpha', 'bravo', 'carol'].map((name) => {
      const decision = explain(`stellar/${name}`, decideNow(now))?.decision;
      return decision?.kind === 'wait' ? decision.reason.code : decision?.kind;
    });
    assert.deepEqual(decisions, ['restart', 'Queued', 'nothing']);
  });

  it('says when a sidecar has told a validator, and until when another is told', () => {
    const sidecar = { pod: { sidecar: '2026-05-31T23:00:00Z' } };
    const young = { restartCount: 1, state: { running: { startedAt: '2026-06-01T00:06:00Z' } } };
    const specs = {
      alpha: { knows: ['carol'], ...sidecar },
      bravo: { knows: ['carol'], pod: { sidecar: young } },
    };
    const later = evaluateWorld(networkWorld({ ...specs, carol: {} }), readSettings({}), NOW_MS + 400_000);
    const now = decideNow(later);
    const text = renderStatus(statusReport(now), groupedReasons(reasonsIn(now)), { isWide: false, paint });
    assertGolden('cli/status-told.txt', text);
    const found = explain('stellar/alpha', now);
    assert.ok(found);
    assertGolden('cli/explain-told.txt', renderExplanation(found, paint));
  });

  it('knows of no other', () => {
    assert.equal(explain('stellar/absent', cluster), undefined);
    assert.equal(explain('elsewhere/alpha', cluster), undefined);
  });
});
