/** The columns CONNECTED and SYNCED: one value for each pod, from the overview, or a dash if the port may not be asked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import { readPod } from '../../../peers/read/workload.ts';
import type { World } from '../../../peers/world.ts';
import { type Connections, overviewData } from '../../../reconciler/plan/publish/overview.ts';
import { DISCOVERY, NOW_MS, networkWorld } from '../reconciler/group.ts';
import { pod } from '../world.ts';
import { statusText, validatorRows } from './status-text.ts';

const OWN = 'stellar-peers';

/** Validator `a` with two pods, and `b`. */
function twoPods(): World {
  const spec = { replicas: 2 };
  const world = networkWorld({ a: { node: { spec }, statefulSet: { spec } }, b: {} });
  const second = readPod(pod('a', { ordinal: 1, uid: 'pod-a-1' }));
  return { ...world, pods: new Map(world.pods).set(second.key, second) };
}

/** The two columns of each validator, if the overview has these connections. */
function columns(connections: Connections, world = twoPods()): Record<string, readonly string[]> {
  const discovery = discover(world, DISCOVERY);
  const data = overviewData({ world, discovery, connections }, NOW_MS);
  const overview = readConfigMap({ metadata: { name: OWN, namespace: OWN }, data });
  const shown = { ...world, configMaps: new Map(world.configMaps).set(OWN, overview) };
  const [head = [], ...rows] = validatorRows(statusText(shown));
  const at = head.indexOf('CONNECTED');
  assert.equal(head[at + 1], 'SYNCED');
  return Object.fromEntries(rows.map((row) => [row[head.indexOf('VALIDATOR')] ?? '', row.slice(at, at + 2)]));
}

const connection = (connected: number, synced: boolean) => ({ connected, expected: 3, synced });

describe('the columns CONNECTED and SYNCED', () => {
  it('show each pod of a validator in order', () => {
    const connections = new Map([
      ['stellar/a-1', connection(3, true)],
      ['stellar/a-0', connection(1, false)],
      ['stellar/b-0', connection(2, true)],
    ]);
    assert.deepEqual(columns(connections), { a: ['1/3,3/3', 'no,yes'], b: ['2/3', 'yes'] });
  });

  it('show a dash for a pod that may not be asked, and a single dash if this holds for all pods of a validator', () => {
    const connections = new Map([['stellar/a-1', connection(0, false)]]);
    assert.deepEqual(columns(connections), { a: ['-,0/3', '-,no'], b: ['-', '-'] });
    assert.deepEqual(columns(new Map()), { a: ['-', '-'], b: ['-', '-'] });
  });

  it('show no value for a pod that no longer runs', () => {
    const world = twoPods();
    const gone = readPod(pod('b', { phase: 'Failed' }));
    const pods = new Map(world.pods).set(gone.key, gone);
    const connections = new Map([['stellar/b-0', connection(3, true)]]);
    assert.deepEqual(columns(connections, { ...world, pods }).b, ['-', '-']);
  });
});
