/** A configuration that takes no peers: the next start would not read them either, so no restart is needed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeOutcomeOf } from '../../../peers/injection/merge-outcome.ts';
import type { World } from '../../../peers/world.ts';
import { networkWorld, planOf, type Spec, stamp, withPod } from './group.ts';

const MERGE_STATUS = (message: string) => ({
  initContainerStatuses: [{ name: 'stellar-peers-config', state: { terminated: { message } } }],
});

/** `a` as given, whose init container ended with this message, among two others. */
function merged(message: string, a: Spec): World {
  const mergeOutcome = mergeOutcomeOf(MERGE_STATUS(message));
  return withPod(networkWorld({ a, b: {}, c: {} }), 'a', { mergeOutcome });
}

const KEPT = [
  'BothTaken KNOWN_PEERS PREFERRED_PEERS',
  'ConfigMissing /config/stellar-core.cfg',
  'PeersIgnored KNOWN_PEERS 3',
];
const LACKING: Readonly<Record<string, Spec>> = {
  'short of a peer': { knows: ['b'] },
  'alone, and Ready': { knows: [] },
  'alone, and never Ready': { pod: { ready: false, annotations: stamp([]) } },
};

describe('a pod whose stellar-core takes none of the peers', () => {
  it('is held with the reason and what was found, whatever it lacks', () => {
    for (const message of KEPT) {
      const [code, detail] = message.split(/ (.*)/);
      for (const [name, spec] of Object.entries(LACKING)) {
        const plan = planOf(merged(message, spec));
        assert.deepEqual(
          [plan.restart, plan.holds, plan.details],
          [undefined, { a: code }, { a: detail }],
          name,
        );
      }
    }
  });

  it('is no more than remarked on while it lacks nothing', () => {
    for (const message of KEPT) {
      const plan = planOf(merged(message, {}));
      assert.deepEqual([plan.restart, plan.holds], [undefined, {}]);
    }
  });

  it('is restarted where the merge only failed, as one whose configuration was merged', () => {
    for (const message of ['MergeFailed cat', 'Merged KNOWN_PEERS 1', 'NoPeers', 'something else', '']) {
      const restarts = Object.values(LACKING).map((spec) => planOf(merged(message, spec)).restart);
      assert.deepEqual(restarts, ['bump a', 'bump a', 'delete a'], message);
    }
  });

  it('is still repaired where it was not injected at all', () => {
    const bare: Spec = { pod: { injected: false, annotations: {} } };
    assert.equal(planOf(merged(KEPT[0] ?? '', bare)).restart, 'bump a');
  });
});
