/** What is told beside restarts, and what a configuration that did not take the peers means for them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import type { MergeOutcome } from '../../../peers/injection/merge-outcome.ts';
import type { World } from '../../../peers/world.ts';
import {
  mergeAdvisories,
  reloadAdvisories,
  signalAdvisories,
} from '../../../reconciler/plan/status/advisories.ts';
import { at, DISCOVERY, NOW_MS, networkWorld, type Spec, withPod } from './group.ts';

const JOINED: Readonly<Record<string, Spec>> = { a: { knows: ['b'] }, b: {}, c: {} };
const codes = (reasons: ReadonlyMap<string, { code: string }>) =>
  Object.fromEntries([...reasons].map(([key, { code }]) => [key, code]));

/** `a` lacks a peer, and its pod says this of its configuration. */
function said(code: MergeOutcome['code'], change: object = {}): World {
  return withPod(networkWorld(JOINED), 'a', { mergeOutcome: { code, detail: 'found' }, ...change });
}
const LOOPING = { restartCount: 5, state: { waiting: { reason: 'CrashLoopBackOff' } } };
const momentOf = (world: World) => ({ world, discovery: discover(world, DISCOVERY), nowMs: NOW_MS });
const remarksOf = (world: World) => codes(mergeAdvisories(world, discover(world, DISCOVERY)));

describe('a configuration that did not take the peers', () => {
  it('is told on its StellarNode', () => {
    for (const code of ['BothTaken', 'ConfigMissing', 'MergeFailed', 'PeersIgnored'] as const) {
      assert.deepEqual(remarksOf(said(code)), { 'stellar/a': code });
    }
    assert.deepEqual(remarksOf(said('Merged')), {});
    assert.deepEqual(remarksOf(said('BothTaken', { deleting: true })), {});
  });
});

describe('a validator whose port is closed', () => {
  const remarks = (value: string | undefined, pod: NonNullable<Spec['pod']> = {}) => {
    const node = value === undefined ? {} : { annotations: { 'stellar.org/peer-rollout': value } };
    const moment = momentOf(networkWorld({ a: { node, pod }, b: {} }));
    return codes(signalAdvisories(new Set(['stellar/a', 'stellar/gone']), moment, 'stellar-peers'));
  };

  it('is told of where it is only to be signalled', () => {
    assert.deepEqual(remarks('Signal'), { 'stellar/a': 'SignalPortClosed' });
    for (const value of [undefined, 'OnRestart', 'paused', 'Never']) assert.deepEqual(remarks(value), {});
  });

  it('is not told of where a sidecar that runs tells it', () => {
    assert.deepEqual(remarks('Signal', { sidecar: at(3_600) }), {});
    assert.deepEqual(remarks('Signal', { sidecar: LOOPING }), { 'stellar/a': 'SignalPortClosed' });
  });
});

describe('a sidecar that crashes again and again', () => {
  const remarks = (pod: NonNullable<Spec['pod']>) =>
    codes(reloadAdvisories(momentOf(networkWorld({ a: { pod }, b: {} }))));

  it('is told as what it is, and as long as its kubelet counts its crashes', () => {
    const young = { restartCount: 5, state: { running: { startedAt: at(60) } } };
    const old = { restartCount: 5, state: { running: { startedAt: at(660) } } };
    assert.deepEqual(remarks({ sidecar: LOOPING }), { 'stellar/a': 'ReloadFailing' });
    assert.deepEqual(remarks({ sidecar: young }), { 'stellar/a': 'ReloadFailing' });
    assert.deepEqual(remarks({ sidecar: old }), {});
    assert.deepEqual(remarks({ sidecar: LOOPING, deletionTimestamp: at(1) }), {});
  });

  it('is not one that was started again once, or is about to start', () => {
    for (const state of [{ waiting: { reason: 'PodInitializing' } }, { terminated: {} }, {}])
      assert.deepEqual(remarks({ sidecar: { restartCount: 1, state } }), {});
    assert.deepEqual(remarks({ sidecar: at(60) }), {});
  });

  it('is one that cannot be started at all', () => {
    const state = { waiting: { reason: 'CreateContainerError' } };
    assert.deepEqual(remarks({ sidecar: { state } }), { 'stellar/a': 'ReloadFailing' });
  });
});
