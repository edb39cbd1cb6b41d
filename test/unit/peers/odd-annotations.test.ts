/** Annotations without effect are reported when they are set, and not only when they would matter. */
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
  it('is known with each value that the reference lists', () => {
    for (const value of ['disabled', 'enabled'])
      assert.deepEqual(oddAnnotations(on({ 'stellar.org/peer-injection': value })), []);
  });

  it('with an unknown value is reported, even if no restart is wanted', () => {
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

  it('with one wrong letter in its key is reported', () => {
    for (const key of ['peer-rolout', 'peer-budgets', 'Peer-rollout', 'pear-adopt', 'peer-nonsense'])
      assert.deepEqual(codes(on({ [`stellar.org/${key}`]: 'paused' })), ['stellar/a UnknownAnnotation'], key);
    assert.deepEqual(codes(on({ 'stelar.org/peer-rollout': 'paused' })), ['stellar/a UnknownAnnotation']);
  });

  it('is reported without a command if its key holds a word that is a placeholder', () => {
    const [odd] = oddOnNode({ 'stellar.org/peer-NAME': 'x' });
    assert.equal(odd?.hint, undefined);
  });

  it('on a Namespace is reported for each validator in it, and on our ConfigMap for that object', () => {
    const annotations = { 'stellar.org/peer-rollout': 'Paused' };
    assert.deepEqual(codes(networkWorld({ a: {}, b: {} }, { namespace: { annotations } })), [
      'stellar/a UnknownStrategy',
      'stellar/b UnknownStrategy',
    ]);
    assert.deepEqual(codes(networkWorld({ a: {} }, { ownAnnotations: annotations })), [
      'stellar-peers/stellar-peers UnknownStrategy',
    ]);
  });

  it('that is known, or belongs to others, is not reported', () => {
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
