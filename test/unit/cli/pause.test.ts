/** `stellar-peers pause` and `resume`: the text on their effects, which is shown before they act. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import { pauseText, planPause, refsOf } from '../../../cli/commands/pause.ts';
import { ProblemError } from '../../../cli/exit.ts';
import { evaluateWorld } from '../../../cli/snapshot.ts';
import type { World } from '../../../peers/world.ts';
import { formatJournal } from '../../../reconciler/plan/journal/journal.ts';
import { NOW_MS, networkWorld, restartOf, type Spec } from '../reconciler/group.ts';

const ROLLOUT = 'stellar.org/peer-rollout';
const SHORT: Spec = { knows: ['c'] };
const paused = { [ROLLOUT]: 'paused' };
const asked = (world: World) => evaluateWorld(world, readSettings({}), NOW_MS);

/** The text shown for these names in this namespace. */
function said(world: World, value: string | undefined, namespace?: string, names: readonly string[] = []) {
  const found = asked(world);
  const plan = planPause(found, refsOf(found, { namespace, names }), value);
  return {
    ...plan,
    refs: plan.refs.map(({ resource, name }) => `${resource.kind} ${name}`),
    text: pauseText(plan, value),
  };
}

describe('pausing', () => {
  const world = networkWorld({ a: SHORT, b: SHORT, c: {} });

  it('affects everything, a namespace or single validators, and names the validators whose restarts it will hold', () => {
    const all = said(world, 'paused');
    assert.deepEqual(
      [all.refs, all.wanted, all.validators.length],
      [['ConfigMap stellar-peers'], ['stellar/a', 'stellar/b'], 3],
    );
    assert.equal(
      all.text,
      `${ROLLOUT}=paused is set on ConfigMap stellar-peers/stellar-peers: we restart none of 3 validators (stellar/a, stellar/b, stellar/c) before you resume it.
Restarts wanted now, which the pause will hold: stellar/a, stellar/b.`,
    );
    assert.deepEqual(said(world, 'paused', 'stellar').refs, ['Namespace stellar']);
    const one = said(world, 'paused', 'stellar', ['b']);
    assert.deepEqual(
      [one.refs, one.validators, one.wanted],
      [['StellarNode b'], ['stellar/b'], ['stellar/b']],
    );
    assert.match(
      said(world, 'paused', 'stellar', ['c']).text,
      /none of 1 validator \(stellar\/c\) .*\nNo restart is wanted now\./,
    );
  });

  it('names the restarts that it can no longer hold, and the strategy that it replaces', () => {
    const entry = {
      kind: 'bump',
      uids: ['x'],
      token: 't',
      drift: 'short',
      statefulSet: 'stellar/a',
    } as const;
    const [group = ''] = asked(world).discovery.groups.keys();
    const journal = { [group]: formatJournal([{ ...entry, atMs: NOW_MS }], NOW_MS) };
    const specs = { a: SHORT, b: { node: { annotations: { [ROLLOUT]: 'Signal' } } }, c: {} };
    const under = networkWorld(specs, { journal });
    assert.match(said(under, 'paused').text, /Under way; Kubernetes will finish: stellar\/a\.$/);
    assert.match(
      said(under, 'paused', 'stellar', ['b']).text,
      /StellarNode stellar\/b has stellar\.org\/peer-rollout=Signal now, which resume will not bring back\./,
    );
  });

  it('names the restarts that the leader takes back because no pod is replaced yet', () => {
    const bumped = { ...SHORT, statefulSet: { annotations: { 'stellar.org/peer-restart': 'token' } } };
    const [group = ''] = asked(world).discovery.groups.keys();
    const journal = { [group]: formatJournal([restartOf('a')], NOW_MS) };
    const begun = [
      networkWorld({ a: bumped, b: {}, c: {} }, { journal }),
      networkWorld({ a: SHORT, b: {}, c: {} }, { journal }),
    ];
    for (const under of begun) {
      const { text } = said(under, 'paused');
      assert.match(
        text,
        /\nBegun, and no pod is replaced yet: stellar\/a\. The leader takes such a restart back, unless/,
      );
      assert.doesNotMatch(text, /Kubernetes will finish/);
      assert.match(said(under, undefined, 'stellar', ['a']).text, /\nUnder way: stellar\/a\.$/);
    }
  });

  it('does nothing if the object is already paused, and refuses a name that is no validator', () => {
    const held = networkWorld({ a: SHORT, c: {} }, { ownAnnotations: paused });
    const { refs, notes } = said(held, 'paused');
    assert.deepEqual([refs, notes], [[], ['ConfigMap stellar-peers/stellar-peers is paused already.']]);
    for (const [namespace, name] of [
      ['stellar', 'absent'],
      ['elsewhere', 'a'],
    ] as const)
      assert.throws(
        () => said(world, 'paused', namespace, [name]),
        (error) =>
          error instanceof ProblemError && error.message === `no such validator: ${namespace}/${name}`,
      );
  });
});

describe('resuming', () => {
  it('names the validators that would be restarted, in their order', () => {
    const world = networkWorld({ a: SHORT, b: SHORT, c: {} }, { ownAnnotations: paused });
    const { refs, text } = said(world, undefined);
    assert.deepEqual(refs, ['ConfigMap stellar-peers']);
    assert.match(
      text,
      /: 3 validators \(stellar\/a, stellar\/b, stellar\/c\) may be restarted again.*\nTo be restarted then: stellar\/a, stellar\/b\.\n {2}quorum of stellar\/a: warns \(QuorumUnknown: .*\n {2}quorum of stellar\/b: warns/,
    );
  });

  it('names the validators that another annotation still holds', () => {
    const specs = { a: { ...SHORT, node: { annotations: paused } }, b: SHORT, c: {} };
    const world = networkWorld(specs, { ownAnnotations: paused });
    const { wanted, stillHeld, text } = said(world, undefined);
    assert.deepEqual([wanted, stillHeld], [['stellar/b'], ['stellar/a']]);
    assert.match(text, /Still held by an annotation on another object: stellar\/a\.$/);
    assert.deepEqual(
      said(world, undefined, 'stellar', ['a']).stillHeld,
      ['stellar/a'],
      'the switch of everything',
    );
  });

  it('leaves a strategy unchanged, and says that the validator is not paused', () => {
    const specs = { a: { node: { annotations: { [ROLLOUT]: 'Signal' } } }, b: {} };
    const { refs, notes } = said(networkWorld(specs), undefined, 'stellar', ['a', 'b']);
    assert.deepEqual(refs, []);
    assert.deepEqual(notes, [
      'StellarNode stellar/a is not paused: it has stellar.org/peer-rollout=Signal.',
      'StellarNode stellar/b is not paused.',
    ]);
  });

  it('works for a namespace', () => {
    const world = networkWorld({ a: SHORT, b: {}, c: {} }, { namespace: { annotations: paused } });
    assert.deepEqual(said(world, undefined, 'stellar').wanted, ['stellar/a']);
    assert.deepEqual(said(world, undefined).refs, []);
  });
});
