/** `stellar-peers adopt`: what it would affect, and what it writes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adoptionText, planAdoption } from '../../../cli/adopt.ts';
import { askedOf } from '../../../cli/asked.ts';
import { readSettings } from '../../../settings.ts';
import { NOW_MS, networkWorld, type Spec } from '../reconciler/group.ts';

const SETTINGS = readSettings({});
const OLD: Spec = { pod: { injected: false, annotations: {}, createdAt: '2025-01-01T00:00:00Z' } };
const world = networkWorld({ a: OLD, b: OLD, c: {} }, { webhookCreatedAt: '2025-06-01T00:00:00Z' });
const planned = (names: readonly string[], namespace = 'stellar') =>
  planAdoption(askedOf(world, SETTINGS, NOW_MS), { namespace, names });

describe('adopting', () => {
  it('affects the named validators that wait for it, and says so first', () => {
    const plan = planned(['a', 'c']);
    assert.deepEqual(plan.affected, ['stellar/a']);
    assert.deepEqual(
      plan.refs.map(({ name }) => name),
      ['a', 'c'],
    );
    assert.match(
      adoptionText(plan),
      /goes on StellarNode a, StellarNode c\.\nTo be restarted.*: stellar\/a\./,
    );
    assert.match(adoptionText(planned(['c'])), /No running validator waits/);
  });

  it('without names affects the whole namespace, by one annotation on it', () => {
    const plan = planned([]);
    assert.deepEqual(plan.affected, ['stellar/a', 'stellar/b']);
    assert.deepEqual(
      plan.refs.map(({ resource, name }) => `${resource.kind} ${name}`),
      ['Namespace stellar'],
    );
  });

  it('knows what is no validator', () => {
    assert.deepEqual(planned(['a', 'nobody']).unknown, ['stellar/nobody']);
    assert.deepEqual(planned(['a'], 'elsewhere').unknown, ['elsewhere/a']);
  });
});
