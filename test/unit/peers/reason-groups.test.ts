/** Reasons of several objects with the same words are shown once, with names that can be pasted. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupedReasons, groupTitle } from '../../../peers/reasons/reason-groups.ts';
import { reason } from '../../../peers/reasons/reasons.ts';

describe('equal reasons', () => {
  it('are shown once, and the advice names all their objects', () => {
    const why = reason('AwaitingAdoption');
    const groups = groupedReasons(['stellar/a', 'stellar/b', 'other/c'].map((key) => [key, why] as const));
    assert.deepEqual(
      groups.map(({ subjects, release }) => [subjects, release]),
      [
        [['stellar/a', 'stellar/b'], 'stellar-peers adopt a b -n stellar'],
        [['other/c'], 'stellar-peers adopt c -n other'],
      ],
    );
  });

  it('of all namespaces are shown once if their text names no namespace', () => {
    const why = reason('Paused', 'ConfigMap stellar-peers/stellar-peers', 'stellar-peers resume');
    const [group, ...more] = groupedReasons(['stellar/a', 'other/c'].map((key) => [key, why] as const));
    assert.deepEqual(
      [group?.subjects, group?.release, more],
      [['stellar/a', 'other/c'], 'stellar-peers resume', []],
    );
  });

  it('of namespaces are not counted with those of validators', () => {
    const why = reason('UnknownBudget');
    const keys = ['stellar', 'other', 'stellar/a', 'other/b', 'other/c'];
    assert.deepEqual(groupedReasons(keys.map((key) => [key, why] as const)).map(groupTitle), [
      '2 namespaces',
      '3 validators',
    ]);
  });

  it('with different details are shown separately', () => {
    const told = ['x', 'y'].map((detail) => [`stellar/${detail}`, reason('PdbForbids', detail)] as const);
    assert.equal(groupedReasons(told).length, 2);
  });
});
