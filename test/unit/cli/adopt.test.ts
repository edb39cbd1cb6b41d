/** `stellar-peers adopt`: which validators the command affects, and what it writes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import { adoptionText, planAdoption } from '../../../cli/commands/adopt.ts';
import { evaluateWorld } from '../../../cli/snapshot.ts';
import { NOW_MS, networkWorld, type Spec } from '../reconciler/group.ts';

const SETTINGS = readSettings({});
const OLD: Spec = { pod: { injected: false, annotations: {}, createdAt: '2025-01-01T00:00:00Z' } };
const world = networkWorld({ a: OLD, b: OLD, c: {} }, { webhookCreatedAt: '2025-06-01T00:00:00Z' });
const planned = (names: readonly string[], namespace = 'stellar') =>
  planAdoption(evaluateWorld(world, SETTINGS, NOW_MS), { namespace, names });

describe('adopting', () => {
  it('affects the named validators that wait for adoption, and lists them first', () => {
    const plan = planned(['a', 'c']);
    assert.deepEqual(plan.affected, ['stellar/a']);
    assert.deepEqual(
      plan.refs.map(({ name }) => name),
      ['a', 'c'],
    );
    assert.match(
      adoptionText(plan),
      /is set on StellarNode a, StellarNode c\.\nTo be restarted.*: stellar\/a\./,
    );
    assert.match(adoptionText(plan), /\n {2}quorum of stellar\/a: warns \(QuorumUnknown: .*\)$/);
    assert.match(adoptionText(planned(['c'])), /No running validator waits/);
  });

  it('without names affects the whole namespace, by one annotation on the Namespace', () => {
    const plan = planned([]);
    assert.deepEqual(plan.affected, ['stellar/a', 'stellar/b']);
    assert.deepEqual(
      plan.refs.map(({ resource, name }) => `${resource.kind} ${name}`),
      ['Namespace stellar'],
    );
  });

  it('says that a pause holds the restarts', () => {
    const specs = { a: OLD, b: {}, c: {} };
    const ownAnnotations = { 'stellar.org/peer-rollout': 'paused' };
    const held = networkWorld(specs, { webhookCreatedAt: '2025-06-01T00:00:00Z', ownAnnotations });
    const plan = planAdoption(evaluateWorld(held, SETTINGS, NOW_MS), { namespace: 'stellar', names: ['a'] });
    assert.match(
      adoptionText(plan),
      /: stellar\/a\.\nPaused by ConfigMap stellar-peers\/stellar-peers: nothing is restarted before that pause is resumed\.\n/,
    );
  });

  it('refuses a name that is no validator', () => {
    assert.throws(() => planned(['a', 'absent']), /^ProblemError: no such validator: stellar\/absent$/);
    assert.throws(() => planned(['a'], 'elsewhere'), /^ProblemError: no such validator: elsewhere\/a$/);
  });
});
