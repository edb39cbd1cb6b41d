/** Which strategy holds for a validator: the nearest setting, but a pause or an unknown value holds from anywhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { updateStrategyOf } from '../../../reconciler/plan/restarts/update-strategy.ts';
import { networkWorld } from './group.ts';

const KEY = 'stellar.org/peer-rollout';
const on = (value: string | undefined) => (value === undefined ? {} : { annotations: { [KEY]: value } });

/** The verdict for values on everything, the Namespace and the StellarNode. */
function verdict(everything?: string, namespace?: string, node?: string): string {
  const world = networkWorld(
    { a: { node: on(node) } },
    { ownAnnotations: on(everything).annotations ?? {}, namespace: on(namespace) },
  );
  const reading = world.nodes.get('stellar/a');
  assert.equal(reading?.kind, 'validator');
  const found = reading.kind === 'validator' && updateStrategyOf(reading.validator, world, 'stellar-peers');
  if (!found) return 'unreadable';
  return found.kind === 'strategy' ? found.strategy : `${found.reason.code}: ${found.reason.detail}`;
}

describe('the strategy of a validator', () => {
  it('is RollingUpdate if no object sets a strategy', () => {
    assert.equal(verdict(), 'RollingUpdate');
  });

  it('is that of the object nearest to the validator', () => {
    assert.equal(verdict('OnRestart'), 'OnRestart');
    assert.equal(verdict('OnRestart', 'Signal'), 'Signal');
    assert.equal(verdict('OnRestart', 'Signal', 'RollingUpdate'), 'RollingUpdate');
    assert.equal(verdict(undefined, 'Signal'), 'Signal');
  });

  it('is to hold if any object says `paused`, even if a nearer object says otherwise', () => {
    assert.match(verdict('paused', 'RollingUpdate', 'Signal'), /^Paused: ConfigMap stellar-peers/);
    assert.match(verdict(undefined, 'paused', 'RollingUpdate'), /^Paused: Namespace stellar/);
    assert.match(verdict('Signal', 'OnRestart', 'paused'), /^Paused: StellarNode stellar\/a/);
  });

  it('is to hold if any object has an unknown value; the reason names the object and the value', () => {
    assert.equal(
      verdict('Recreate', 'RollingUpdate', 'RollingUpdate'),
      'UnknownStrategy: ConfigMap stellar-peers/stellar-peers: Recreate',
    );
    assert.equal(verdict(undefined, 'signal'), 'UnknownStrategy: Namespace stellar: signal');
    assert.equal(verdict(undefined, undefined, ''), 'UnknownStrategy: StellarNode stellar/a: ');
  });
});
