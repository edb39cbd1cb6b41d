/** Quorum sets by hand of operators who name the same validators in different ways: that makes none of them absent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkWorld, planOf, type Spec } from './group.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const keyOf = (name: string) => `G${name.toUpperCase().repeat(55)}`;
const othersOf = (name: string) => NAMES.filter((other) => other !== name);
const allNamed = NAMES.map((name) => `${keyOf(name)} ${name}`);

const setText = (validators: readonly string[], nodeNames: readonly string[] = []) =>
  `NODE_NAMES=${JSON.stringify(nodeNames)}\n[QUORUM_SET]\nTHRESHOLD_PERCENT=67\nVALIDATORS=${JSON.stringify(validators)}\n`;

const specOf = (name: string, quorumSet: string): Spec => ({
  knows: othersOf(name).filter((other) => !(name === 'a' && other === 'd')),
  node: { spec: { validatorConfig: { quorumSet } } },
});

/** `a` lacks a peer, and each has the quorum set of `setOf`. */
const planWith = (setOf: (name: string) => string, more: Readonly<Record<string, Spec>> = {}) =>
  planOf(
    networkWorld({ ...Object.fromEntries(NAMES.map((name) => [name, specOf(name, setOf(name))])), ...more }),
  );

describe('a restart that all quorum sets tolerate goes ahead', () => {
  const cases: Readonly<Record<string, (name: string) => string>> = {
    'if each set names the other members by key': (name) => setText(['$self', ...othersOf(name).map(keyOf)]),
    'if one set names the other members by key, and the other sets use aliases of the keys': (name) =>
      name === 'a'
        ? setText(['$self', ...othersOf(name).map(keyOf)])
        : setText(['$self', ...othersOf(name).map((other) => `$${other}`)], allNamed),
    'if each set has aliases of its own': (name) =>
      setText(
        ['$self', ...othersOf(name).map((other) => `$${name}-calls-${other}`)],
        othersOf(name).map((other) => `${keyOf(other)} ${name}-calls-${other}`),
      ),
  };
  for (const [title, setOf] of Object.entries(cases))
    it(title, () => {
      const { restart, details } = planWith(setOf);
      assert.deepEqual([restart, details], ['bump a', {}]);
    });

  it('if another validator, which is marked uncounted, has a quorum set with former members', () => {
    const old = setText(['w', 'x', 'y', 'z'].map(keyOf));
    const annotations = { 'stellar.org/peer-budget': 'uncounted' };
    const uncounted: Spec = { node: { spec: { validatorConfig: { quorumSet: old } }, annotations } };
    const { restart, details } = planWith(() => setText(NAMES.map(keyOf)), { e: uncounted });
    assert.deepEqual([restart, details.a], ['bump a', undefined]);
  });
});
