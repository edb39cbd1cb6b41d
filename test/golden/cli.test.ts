/** What people and programs read of one cluster in which much is going on, word by word. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { askedOf } from '../../cli/asked.ts';
import { explain } from '../../cli/explain.ts';
import { renderExplanation } from '../../cli/explain-text.ts';
import { document } from '../../cli/output.ts';
import { decideNow } from '../../cli/reasons-now.ts';
import { renderStatus } from '../../cli/status.ts';
import { statusReport } from '../../cli/status-report.ts';
import { discover } from '../../peers/discover.ts';
import { readConfigMap } from '../../peers/read-cluster.ts';
import type { World } from '../../peers/world.ts';
import { formatJournal } from '../../reconciler/journal.ts';
import { overviewData } from '../../reconciler/overview.ts';
import { readSettings } from '../../settings.ts';
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
  alpha: withSet,
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
  });
  const connections = new Map([['stellar/alpha-0', { connected: 2, expected: 4, synced: true }]]);
  const data = overviewData({ world: read, discovery: discover(read, DISCOVERY), connections }, NOW_MS);
  const own = readConfigMap({ metadata: { name: 'stellar-peers', namespace: 'stellar-peers' }, data });
  return { ...read, configMaps: new Map(read.configMaps).set('stellar-peers', own) };
}

const asked = askedOf(world(), readSettings({}), NOW_MS);
const decided = decideNow(asked);
const paint = (_: string, text: string): string => text;

describe('status', () => {
  const report = statusReport(asked, decided);

  it('reads as it always did', () => {
    assertGolden('cli/status.txt', renderStatus(report, { isWide: false, paint }));
    assertGolden('cli/status-wide.txt', renderStatus(report, { isWide: true, paint }));
  });

  it('has the fields that it always had, the same in JSON and YAML', () => {
    assertGolden('cli/status.json.txt', document(report, 'json'));
    assert.deepEqual(parse(document(report, 'yaml')), JSON.parse(document(report, 'json')));
    const two = parseAllDocuments(document(report, 'yaml').repeat(2));
    assert.equal(two.length, 2, 'documents can follow each other');
  });

  it('of one namespace shows that one alone', () => {
    const { validators, networks, waiting } = statusReport(asked, decided, 'elsewhere');
    assert.deepEqual([validators, networks, waiting], [[], [], []]);
    assert.deepEqual(statusReport(asked, decided, 'stellar'), report);
  });
});

describe('explain', () => {
  for (const name of [...NAMES, 'odd']) {
    it(`tells everything of ${name}`, () => {
      const found = explain(`stellar/${name}`, asked, decided);
      assert.ok(found);
      assertGolden(`cli/explain-${name}.txt`, renderExplanation(found, paint));
      if (name === 'bravo') assertGolden('cli/explain.json.txt', document(found, 'json'));
      assert.deepEqual(parse(document(found, 'yaml')), JSON.parse(document(found, 'json')));
    });
  }

  it('says who is the next to be restarted, and of nobody else that it is', () => {
    const calm = networkWorld({ alpha: { knows: ['carol'] }, bravo: { knows: ['carol'] }, carol: {} });
    const now = askedOf(calm, readSettings({}), NOW_MS);
    const decisions = ['alpha', 'bravo', 'carol'].map((name) => {
      const decision = explain(`stellar/${name}`, now, decideNow(now))?.decision;
      return decision?.kind === 'wait' ? decision.reason.code : decision?.kind;
    });
    assert.deepEqual(decisions, ['restart', 'InFlight', 'nothing']);
  });

  it('knows of nobody else', () => {
    assert.equal(explain('stellar/nobody', asked, decided), undefined);
    assert.equal(explain('elsewhere/alpha', asked, decided), undefined);
  });
});
