/** An object that is too large to be read holds the restarts of its own validator, and affects no other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPeersConfigMap } from '../../../peers/read/cluster.ts';
import { weightOf } from '../../../peers/read/weight.ts';
import type { World } from '../../../peers/world.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { createStores, namedSources, validatorSources, worldOf } from '../../../runtime/kube/sources.ts';
import { networkParts, planOf } from '../reconciler/group.ts';
import { type Parts, type Raw, worldWith } from '../world.ts';

const SCOPE = { ownNamespace: 'stellar-peers', watchNamespaces: [] };
const LONG = 'x'.repeat(200_000);

/** The World as the caches have it if an object is too large. */
function cached(parts: Parts): World {
  const stores = createStores();
  const lists: Readonly<Record<string, Raw[] | undefined>> = {
    StellarNode: parts.nodes,
    StatefulSet: parts.statefulSets,
    Pod: parts.pods,
    PodDisruptionBudget: parts.pdbs,
    Namespace: parts.namespaces,
  };
  for (const source of [...validatorSources(SCOPE, stores), ...namedSources(SCOPE, stores)]) {
    for (const raw of (lists[source.resource.kind] ?? []) as KubeObject[]) {
      source.store.set(source.keyOf(raw), source.project(raw));
    }
  }
  return {
    ...worldWith(parts),
    ...worldOf(stores),
    configMaps: worldWith(parts).configMaps,
    webhook: worldWith(parts).webhook,
  };
}

const PDB: Raw = {
  metadata: { name: 'budget', namespace: 'stellar', generation: 1 },
  spec: { selector: { matchLabels: { other: 'pods' } } },
  status: { disruptionsAllowed: 1, observedGeneration: 1 },
};

/** `a` knows none of the others, and would be restarted; one object is made longer. */
function partsWith(kind: keyof Parts, lengthen: (raw: Raw) => Raw): Parts {
  const parts = networkParts({ a: { knows: [] }, b: {}, c: {} }, { pdbs: [PDB] });
  const [first, ...others] = (parts[kind] ?? []) as Raw[];
  assert.ok(first);
  return { ...parts, [kind]: [lengthen(first), ...others] };
}
const annotated = (raw: Raw): Raw => ({
  ...raw,
  metadata: {
    ...raw.metadata,
    annotations: {
      ...(raw.metadata.annotations as object),
      'stellar.org/peers': LONG,
      'stellar.org/peer-rollout': LONG,
    },
  },
});

describe('an object that is too large to be read', () => {
  it('holds a due restart of its own validator, with a reason', () => {
    const same = (raw: Raw) => raw;
    assert.equal(planOf(cached(partsWith('nodes', same))).restart, 'bump a');
    const labelled = (raw: Raw): Raw => ({ ...raw, metadata: { ...raw.metadata, labels: { a: LONG } } });
    const templated = (raw: Raw): Raw => {
      const spec = raw.spec as { template: object };
      return {
        ...raw,
        spec: { ...spec, template: { ...spec.template, metadata: { annotations: { a: LONG } } } },
      };
    };
    const selecting = (raw: Raw): Raw => ({ ...raw, spec: { selector: { matchLabels: { a: LONG } } } });
    const cases: ReadonlyArray<readonly [keyof Parts, (raw: Raw) => Raw, string]> = [
      ['statefulSets', templated, 'TooLargeToRead'],
      ['pods', annotated, 'UnreadableView'],
      ['pods', labelled, 'UnreadableView'],
      ['pdbs', selecting, 'PdbForbids'],
      ['namespaces', labelled, 'UnknownStrategy'],
    ];
    for (const [kind, lengthen, code] of cases) {
      const plan = planOf(cached(partsWith(kind, lengthen)));
      assert.deepEqual([kind, plan.restart, plan.holds.a], [kind, undefined, code]);
    }
  });

  it('holds no restart of others if it is a pod of the newest revision, which still counts as up', () => {
    const parts = networkParts({ a: { knows: [] }, b: {}, c: {} });
    const [a, b, c] = parts.pods ?? [];
    assert.ok(a && b && c);
    assert.equal(planOf(cached({ ...parts, pods: [a, b, annotated(c)] })).restart, 'bump a');
  });

  it('counts as unreadable if it is a quorum set, and the validator is still a peer', () => {
    const lengthen = (raw: Raw): Raw => ({
      ...raw,
      spec: { ...(raw.spec as object), validatorConfig: { quorumSet: LONG } },
    });
    const reading = cached(partsWith('nodes', lengthen)).nodes.get('stellar/a');
    assert.ok(reading?.kind === 'validator');
    assert.equal(reading.validator.quorumSet, '');
    assert.deepEqual(reading.validator.remark, {
      code: 'TooLargeToRead',
      detail: 'quorumSet of 200000 characters',
    });
  });

  it('counts as unreadable if it is a StellarNode, with the reason', () => {
    const reading = cached(partsWith('nodes', annotated)).nodes.get('stellar/a');
    assert.ok(reading?.kind === 'unreadable');
    assert.deepEqual(reading.reason, { code: 'TooLargeToRead', detail: 'more than 96 KiB' });
  });
});

describe('a ConfigMap stellar-peers', () => {
  it('is kept with all texts that we applied, the short texts of others, and every key', () => {
    const ours = {
      manager: 'stellar-peers',
      operation: 'Apply',
      fieldsV1: { 'f:data': { 'f:a.peers.txt': {} } },
    };
    const facts = readPeersConfigMap({
      metadata: { name: 'stellar-peers', namespace: 'stellar', managedFields: [ours] },
      data: {
        'a.peers.txt': LONG,
        'b.peers.txt': LONG,
        note: 'short',
        ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`n${index}`, 'x'.repeat(4_000)])),
      },
    });
    assert.equal(facts.data['a.peers.txt'], LONG);
    assert.equal(facts.data['b.peers.txt'], '');
    assert.equal(facts.data.note, 'short');
    const others = Object.entries(facts.data).filter(([key]) => key !== 'a.peers.txt');
    assert.equal(others.length, 32);
    assert.ok(others.reduce((sum, [, text]) => sum + text.length, 0) <= 64 * 1024);
  });

  it('that is immutable is kept up to a small limit, whichever field manager it names', () => {
    const applied = (length: number) =>
      Array.from({ length }, (_, index) => [`m${index}.peers.txt`, 'x'.repeat(10_000)] as const);
    const read = (texts: ReturnType<typeof applied>) => {
      const fields = Object.fromEntries(texts.map(([key]) => [`f:${key}`, {}]));
      const manager = { manager: 'stellar-peers', operation: 'Apply', fieldsV1: { 'f:data': fields } };
      const metadata = { name: 'stellar-peers', namespace: 'mallory', managedFields: [manager] };
      return readPeersConfigMap({ metadata, immutable: true, data: Object.fromEntries(texts) });
    };
    assert.deepEqual(read(applied(9)).data, Object.fromEntries(applied(9)));
    const { data, ownKeys } = read(applied(90));
    assert.equal(ownKeys.length, 90);
    assert.ok(Object.values(data).join('').length <= 96 * 1024);
  });

  it('is kept with only a part of its keys if their names are long, but with those keys of others that look like ours', () => {
    const long = Array.from({ length: 4_000 }, (_, index) => `${index}-`.padEnd(250, 'x'));
    const keys = [...long, 'a.peers.txt'];
    const fields = Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));
    const read = (manager: string, immutable: boolean) => {
      const entry = { manager, operation: 'Apply', fieldsV1: { 'f:data': fields } };
      const metadata = { name: 'stellar-peers', namespace: 'mallory', managedFields: [entry] };
      return readPeersConfigMap({
        ...{ metadata, immutable },
        data: Object.fromEntries(keys.map((key) => [key, ''])),
      });
    };
    for (const facts of [read('theirs', false), read('theirs', true), read('stellar-peers', true)])
      assert.ok(weightOf(facts) < 400 * 1024, `${weightOf(facts)}`);
    const { data, foreignKeys } = read('theirs', false);
    assert.ok(foreignKeys.includes('a.peers.txt'));
    assert.equal(data['a.peers.txt'], '');
    assert.equal(read('stellar-peers', false).ownKeys.length, 4_001, 'the next publication removes them');
  });

  it('is kept with at most 10,000 keys, and with the keys that we applied before other keys', () => {
    const many = (letter: string) => Array.from({ length: 40_000 }, (_, index) => `${letter}${index}`);
    const applied = (manager: string, keys: readonly string[]) => ({
      manager,
      operation: 'Apply',
      fieldsV1: { 'f:data': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) },
    });
    const read = (own: readonly string[], others: readonly string[]) =>
      readPeersConfigMap({
        metadata: {
          ...{ name: 'stellar-peers', namespace: 'stellar' },
          managedFields: [applied('stellar-peers', own), applied('kubectl', others)],
        },
        data: Object.fromEntries([...others, ...own].map((key) => [key, ''])),
      });
    for (const facts of [read(many('a'), []), read(['z.peers.txt'], many('a'))]) {
      const { data, ownKeys, foreignKeys } = facts;
      assert.deepEqual(
        [Object.keys(data), [...ownKeys, ...foreignKeys]].map(({ length }) => length <= 10_001),
        [true, true],
      );
    }
    assert.equal(read(['z.peers.txt'], many('a')).data['z.peers.txt'], '');
    assert.equal(read(many('a'), ['z']).ownKeys.length, 10_000, 'one that is not wanted is still seen');
  });
});
