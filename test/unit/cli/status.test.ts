import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { NOW_MS, networkWorld } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';
import { statusText } from './status-text.ts';

const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;

describe('the status table', () => {
  it('shows the restarts under way, from the journal', () => {
    const entry = {
      statefulSet: 'stellar/a',
      kind: 'bump',
      uids: ['x'],
      token: 't',
      drift: 'short',
    } as const;
    const [group = ''] = discover(networkWorld({ a: {}, b: {} }), DISCOVERY).groups.keys();
    const journal = { [group]: formatJournal([{ ...entry, atMs: NOW_MS }], NOW_MS) };
    const world = networkWorld({ a: {}, b: {} }, { journal });
    const text = statusText(world);
    assert.match(text, /Being restarted:\n {2}stellar\/a since 2026-06-01T00:00:00.000Z \(bump, short\)/);
  });

  it('lists a StellarNode that cannot be read', () => {
    const world = worldWith({ nodes: [node('a', { spec: { network: 7 } })] });
    assert.match(statusText(world), /stellar +a .* UnreadableNetwork/);
  });

  it('says if there are no validators', () => {
    const world = worldWith({});
    assert.equal(statusText(world), 'No validators found.\n');
  });
});
