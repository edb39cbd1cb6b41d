/** The result of the init container, as the status of the pod shows it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergeOutcomeOf, mergeProblem } from '../../../peers/injection/merge-outcome.ts';
import { readPod } from '../../../peers/read/workload.ts';
import { anyText } from '../any-text.ts';

const statusWith = (message: unknown, name = 'stellar-peers-config') => ({
  initContainerStatuses: [
    { name: 'prepare', state: { terminated: { message: 'BothTaken' } } },
    { name, state: { terminated: { message } } },
  ],
});
const problemOf = (message: string) => mergeProblem(mergeOutcomeOf(statusWith(message)));

describe('the peers that a pod started with', () => {
  const stamped = { 'stellar.org/peers': 'v1:0a1b2c3d', 'stellar.org/peer-hash': '0123456789abcdef' };
  const read = (message: string, annotations: object = stamped) => {
    const { peers, peerHash } = readPod({ metadata: { annotations }, status: statusWith(message) });
    return { peers, isStamped: peerHash === stamped['stellar.org/peer-hash'] };
  };

  it('are those of its stamp, or none if the merge found no peers because the kubelet mounted an older list', () => {
    assert.deepEqual(read('Merged KNOWN_PEERS 1'), { peers: 'v1:0a1b2c3d', isStamped: true });
    assert.deepEqual(read('NoPeers'), { peers: 'v1:', isStamped: false });
  });

  it('are unknown without a readable stamp', () => {
    assert.equal(read('NoPeers', {}).peers, undefined);
    assert.equal(read('NoPeers', { 'stellar.org/peers': 'v2:x' }).peers, 'v2:x');
  });
});

describe('the outcome of merging', () => {
  it('is no problem if the peers were merged, or there were no peers', () => {
    assert.equal(problemOf('Merged KNOWN_PEERS 3'), undefined);
    assert.equal(problemOf('NoPeers'), undefined);
    assert.equal(mergeProblem(undefined), undefined);
  });

  it('is the reason why the original is used, with details', () => {
    assert.deepEqual(problemOf('BothTaken KNOWN_PEERS PREFERRED_PEERS'), {
      code: 'BothTaken',
      detail: 'KNOWN_PEERS PREFERRED_PEERS',
    });
    assert.deepEqual(problemOf('ConfigMissing'), { code: 'ConfigMissing' });
    assert.equal(problemOf('MergeFailed cat')?.code, 'MergeFailed');
  });

  it('is reported if the peers were merged, but stellar-core drops them', () => {
    assert.deepEqual(problemOf('PeersIgnored KNOWN_PEERS 3'), {
      code: 'PeersIgnored',
      detail: 'KNOWN_PEERS 3',
    });
  });

  it('is reported if the init container cannot start, or fails again and again, because the pod waits for it', () => {
    const message = 'exec: "sh": executable file not found in $PATH';
    const ended = { terminated: { exitCode: 128, reason: 'StartError', message } };
    const waiting = (reason: string) => ({ waiting: { reason, message: 'back-off' } });
    const blockedBy = (state: object, lastState: object = {}) =>
      mergeOutcomeOf({ initContainerStatuses: [{ name: 'stellar-peers-config', state, lastState }] });
    const blocked = { code: 'MergeBlocked', detail: message };
    assert.deepEqual(blockedBy(ended), blocked);
    assert.deepEqual(blockedBy(waiting('CrashLoopBackOff'), ended), blocked);
    assert.deepEqual(blockedBy(waiting('RunContainerError'), ended), blocked);
    assert.deepEqual(blockedBy(waiting('CreateContainerError')), { ...blocked, detail: 'back-off' });
    for (const reason of ['PodInitializing', 'ImagePullBackOff', 'ContainerCreating'])
      assert.equal(blockedBy(waiting(reason)), undefined, reason);
    assert.equal(blockedBy({ running: {} }, ended), undefined, 'it is tried again');
    assert.equal(mergeProblem(blockedBy(ended))?.code, 'MergeBlocked');
  });

  it('is undefined while the container runs, if the container is not ours, or if its message is unknown', () => {
    assert.equal(mergeOutcomeOf({}), undefined);
    assert.equal(mergeOutcomeOf(statusWith(undefined)), undefined);
    assert.equal(mergeOutcomeOf(statusWith('Merged', 'another')), undefined);
    assert.equal(mergeOutcomeOf(statusWith('merged KNOWN_PEERS')), undefined);
    assert.equal(mergeOutcomeOf({ initContainerStatuses: 'none' }), undefined);
  });

  it('is short and printable, whatever the container writes', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 400 }), (text) => {
        const outcome = mergeOutcomeOf(statusWith(`BothTaken ${text}`));
        assert.equal(outcome?.code, 'BothTaken');
        assert.match(outcome?.detail ?? '', /^[ -~]{0,120}$/);
      }),
    );
  });
});
