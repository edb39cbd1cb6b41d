import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newIdentity, podOf } from '../../../reconciler/leader/lease.ts';
import { Electorate, LEASE_MS } from './electorate.ts';

it('two replicas of one name, as those without POD_NAME are, do not both lead', async (t) => {
  const electorate = new Electorate();
  t.after(() => electorate.end());
  electorate.join(newIdentity('stellar-peers'));
  await electorate.until(() => electorate.leaders().length > 0, LEASE_MS);
  electorate.join(newIdentity('stellar-peers'));
  let most = 0;
  await electorate.until(() => {
    most = Math.max(most, electorate.leaders().length);
    return false;
  }, 4 * LEASE_MS);
  assert.equal(most, 1);
});

it('the holder of the Lease shows the pod that it is', () => {
  assert.equal(podOf(newIdentity('stellar-peers-5d8f9-x2x4z')), 'stellar-peers-5d8f9-x2x4z');
  assert.equal(podOf(''), '');
});
