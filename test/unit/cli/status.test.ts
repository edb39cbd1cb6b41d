import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatus } from '../../../cli/status.ts';
import { discover } from '../../../peers/discover.ts';
import { type Reason, reason } from '../../../peers/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/journal.ts';
import { NOW_MS, networkWorld } from '../reconciler/group.ts';
import { node, worldWith } from '../world.ts';

const DISCOVERY = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;

/** The table of a world, as a person sees it. */
const statusOf = (world: World, reasons: ReadonlyMap<string, Reason> = new Map()): string =>
  renderStatus({ world, discovery: discover(world, DISCOVERY), reasons, ownNamespace: 'stellar-peers' });

describe('the status table', () => {
  it('shows who knows how many, what waits and why, and what would help', () => {
    const world = networkWorld({
      a: { knows: ['b'] },
      b: { pod: { injected: false, annotations: {} } },
      c: { pod: 'none', statefulSet: 'none' },
    });
    const reasons = new Map([['stellar/b', reason('AwaitingAdoption')]]);
    const text = statusOf(world, reasons);
    assert.equal(
      text.replace(/custom-[0-9a-f]{16}|\b[0-9a-f]{16}\b/g, (found) => '#'.repeat(found.length)),
      `NETWORK                  NAMESPACE  VALIDATOR  READY  KNOWS  PUBLISHED  CONNECTED  SYNCED  HASH              STATE
#######################  stellar    a          1/1    1      2          -          -       ################  Current
#######################  stellar    b          1/1    -      2          -          -       ################  AwaitingAdoption
#######################  stellar    c          0/1    -      2          -          -       ################  NoPods

Not done, why, and what would help:
  stellar/b  AwaitingAdoption
    The pod is older than the webhook; it is injected at its next restart by anybody.
    > kubectl -n NAMESPACE annotate stellarnode NAME stellar.org/peer-adopt=now, or set ADOPT_EXISTING=restart.
`,
    );
  });

  it('shows what is being restarted, from the journal', () => {
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
    const text = statusOf(world);
    assert.match(text, /Being restarted:\n {2}stellar\/a since 2026-06-01T00:00:00.000Z \(bump, short\)/);
  });

  it('lists a StellarNode that cannot be read', () => {
    const world = worldWith({ nodes: [node('a', { spec: { network: 7 } })] });
    assert.match(statusOf(world), /stellar +a .* UnreadableNetwork/);
  });

  it('says so where there is nothing', () => {
    const world = worldWith({});
    assert.equal(statusOf(world), 'No validators found.\n');
  });
});
