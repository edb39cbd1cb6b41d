/** Annotations that say nothing here are told when they are set, not when they would matter. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../../peers/discovery/discover.ts';
import { oddAnnotations, oddOnNode } from '../../../peers/read/odd-annotations.ts';
import { describeReason } from '../../../peers/reasons/reasons.ts';
import { currentReasons } from '../../../reconciler/plan/status/current-reasons.ts';
import { DISCOVERY, NOW_MS, networkWorld } from '../reconciler/group.ts';

const on = (annotations: Record<string, string>) => networkWorld({ a: { node: { annotations } }, b: {} });
const codes = (world: ReturnType<typeof on>) =>
  oddAnnotations(world).map(([key, { code }]) => `${key} ${code}`);

describe('an annotation', () => {
  it('with each value that the reference has is known', () => {
    for (const value of ['disabled', 'enabled'])
      assert.deepEqual(oddAnnotations(on({ 'stellar.org/peer-injection': value })), []);
  });

  it('with a value that is not known is told, although nothing is to be restarted', () => {
    for (const [annotation, code] of [
      [{ 'stellar.org/peer-rollout': 'Pause' }, 'UnknownStrategy'],
      [{ 'stellar.org/peer-roll-for': 'al' }, 'UnknownRollFor'],
      [{ 'stellar.org/peer-budget': 'uncount' }, 'UnknownBudget'],
      [{ 'stellar.org/peer-adopt': 'yes' }, 'UnknownAnnotation'],
      [{ 'stellar.org/peer-injection': 'off' }, 'UnknownAnnotation'],
    ] as const) {
      const world = on(annotation);
      const moment = { world, discovery: discover(world, DISCOVERY), nowMs: NOW_MS };
      const found = currentReasons(moment, { reports: new Map() }, new Map());
      assert.deepEqual(
        found.get('stellar/a')?.map((why) => why.code),
        [code],
      );
      assert.match(
        describeReason(found.get('stellar/a')?.[0] ?? { code: 'Paused' }),
        /StellarNode: stellar\.org\/peer-/,
      );
    }
  });

  it('with a key one letter off is told', () => {
    for (const key of ['peer-rolout', 'peer-budgets', 'Peer-rollout', 'pear-adopt', 'peer-nonsense'])
      assert.deepEqual(codes(on({ [`stellar.org/${key}`]: 'paused' })), ['stellar/a UnknownAnnotation'], key);
    assert.deepEqual(codes(on({ 'stelar.org/peer-rollout': 'paused' })), ['stellar/a UnknownAnnotation']);
  });

  it('has no command where its key holds a word that stands for a name', () => {
    const [odd] = oddOnNode({ 'stellar.org/peer-NAME': 'x' });
    assert.equal(odd?.hint, undefined);
  });

  it('of a Namespace is told of each of its validators, one of our ConfigMap of that', () => {
    const annotations = { 'stellar.org/peer-rollout': 'Paused' };
    assert.deepEqual(codes(networkWorld({ a: {}, b: {} }, { namespace: { annotations } })), [
      'stellar/a UnknownStrategy',
      'stellar/b UnknownStrategy',
    ]);
    assert.deepEqual(codes(networkWorld({ a: {} }, { ownAnnotations: annotations })), [
      'stellar-peers/stellar-peers UnknownStrategy',
    ]);
  });

  it('that is known, or of others, is not', () => {
    const known = {
      'stellar.org/peer-rollout': 'paused',
      'stellar.org/peer-port': '11625',
      'stellar.org/seed': 'x',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      constructor: 'x',
    };
    assert.deepEqual(codes(on(known)), []);
  });
});
