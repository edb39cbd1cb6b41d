/** Connections go into the overview, and `status` reads them there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { World } from '../../../peers/world.ts';
import { type Connections, connectionsIn, overviewData } from '../../../reconciler/plan/publish/overview.ts';
import { statusText, validatorRows } from '../cli/status-text.ts';
import { DISCOVERY, NOW_MS, networkWorld } from './group.ts';

const OWN = 'stellar-peers';
const WORLD = networkWorld({ a: {}, b: {}, c: { pod: { phase: 'Pending', ready: false } } });
const CONNECTIONS: Connections = new Map([
  ['stellar/a-0', { connected: 1, expected: 2, synced: true }],
  ['stellar/b-0', { connected: 0, expected: 2, synced: false }],
]);
const configMap = (data: Record<string, string>) =>
  readConfigMap({ metadata: { name: OWN, namespace: OWN }, data });
const overview = (connections: Connections) =>
  configMap(overviewData({ world: WORLD, discovery: discover(WORLD, DISCOVERY), connections }, NOW_MS));

/** Two cells of each row of the status table, by validator. */
function cells(world: World): Record<string, string> {
  const rows = validatorRows(statusText(world));
  const [head = []] = rows;
  const [connected, synced] = ['CONNECTED', 'SYNCED'].map((name) => head.indexOf(name));
  return Object.fromEntries(
    rows.slice(1, 4).map((row) => [row[2] ?? '', `${row[connected ?? 0]} ${row[synced ?? 0]}`]),
  );
}

describe('connections', () => {
  it('are read from the overview as they were written to it', () => {
    assert.deepEqual(connectionsIn(overview(CONNECTIONS)), CONNECTIONS);
    assert.deepEqual(connectionsIn(overview(new Map())), new Map());
  });

  it('are nothing where the overview cannot be read, or says what is none', () => {
    assert.deepEqual(connectionsIn(undefined), new Map());
    for (const text of [
      '',
      'no JSON',
      '{}',
      '[{"peers":"many"}]',
      '[{"peers":[{"connected":"1"}]}]',
      '[null]',
    ]) {
      assert.deepEqual(connectionsIn(configMap({ 'networks.json': text })), new Map(), text);
    }
  });

  it('stand in the status table, with a dash where the port may not be asked', () => {
    const configMaps = new Map(WORLD.configMaps).set(OWN, overview(CONNECTIONS));
    assert.deepEqual(cells({ ...WORLD, configMaps }), { a: '1/2 yes', b: '0/2 no', c: '- -' });
  });
});
