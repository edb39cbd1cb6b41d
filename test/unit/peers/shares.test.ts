/** Numbers that cost their owner nothing count for little. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Discovery, discover, type Group } from '../../../peers/discovery/discover.ts';
import { GROUP_MEMBERS_MAX, NAMESPACE_MEMBERS_MAX } from '../../../peers/views/shares.ts';
import { DISCOVERY } from '../reconciler/group.ts';
import { node, pod, type Raw, statefulSet, worldWith } from '../world.ts';

const testnet = ({ groups }: Discovery): Group => {
  const group = groups.get('testnet');
  assert.ok(group);
  return group;
};
const podNames = (members: Iterable<{ pod: string }>): string[] => [...members].map((each) => each.pod);

/** The pods `numbers` of StatefulSet `a`. */
const podsOfA = (...numbers: number[]): Raw[] =>
  numbers.map((ordinal) => pod('a', { ordinal, uid: `pod-${ordinal}` }));

const crowd = (namespace: string, count: number, since = '2025-06-01T00:00:00Z'): Raw[] =>
  Array.from({ length: count }, (_, index) => ({
    ...node(`v${index}`, { namespace, creationTimestamp: since }),
  }));

describe('the replicas of a StellarNode', () => {
  const large = node('a', { spec: { replicas: 10 } });
  const ten = statefulSet('a', { spec: { replicas: 10 } });

  it('count as members where their pods exist, and three others', () => {
    const discovery = discover(
      worldWith({ nodes: [large], statefulSets: [ten], pods: podsOfA(7, 9) }),
      DISCOVERY,
    );
    const { members, running } = testnet(discovery);
    assert.deepEqual(podNames(members), ['a-0', 'a-1', 'a-2', 'a-7', 'a-9']);
    assert.deepEqual(podNames(running), ['a-7', 'a-9']);
    assert.deepEqual(discovery.remarks.get('stellar/a'), { code: 'PodsNotSeen', detail: '5 of 10' });
  });

  it('all exist to pods that know them, counted or not', () => {
    const { existing, hasMore } = testnet(
      discover(worldWith({ nodes: [large], statefulSets: [ten] }), DISCOVERY),
    );
    assert.equal(existing.size, 10);
    assert.equal(hasMore, false);
    const nodes = Array.from({ length: 30 }, (_, index) => node(`n${index}`, { spec: { replicas: 100 } }));
    assert.equal(testnet(discover(worldWith({ nodes }), DISCOVERY)).hasMore, true);
  });

  it('keep their places while their pods are away for a moment', () => {
    const parts = { nodes: [large], statefulSets: [ten] };
    const lately = new Map([['stellar/a-9', 'sts-a']]);
    const { members, running } = testnet(discover(worldWith(parts), DISCOVERY, lately));
    assert.deepEqual(podNames(members), ['a-0', 'a-1', 'a-2', 'a-9']);
    assert.deepEqual(podNames(running), ['a-9']);
  });

  it('are not those of another StatefulSet', () => {
    const strays = podsOfA(5, 6).map((raw) => ({
      ...raw,
      metadata: { ...raw.metadata, ownerReferences: [] },
    }));
    const { members } = testnet(
      discover(worldWith({ nodes: [large], statefulSets: [ten], pods: strays }), DISCOVERY),
    );
    assert.deepEqual(podNames(members), ['a-0', 'a-1', 'a-2']);
  });
});

describe('the members that may stand in lists', () => {
  it('are all of a group of ordinary size', () => {
    const group = testnet(discover(worldWith({ nodes: crowd('stellar', NAMESPACE_MEMBERS_MAX) }), DISCOVERY));
    assert.equal(group.listed, group.members);
  });

  it('are at most a thousand of one namespace, running ones before others and then by age; the rest get a reason', () => {
    const nodes = [
      ...crowd('mallory', NAMESPACE_MEMBERS_MAX, '2026-01-01T00:00:00Z'),
      node('old', { namespace: 'mallory', creationTimestamp: '2025-01-01T00:00:00Z' }),
      node('running', { namespace: 'mallory', creationTimestamp: '2026-02-01T00:00:00Z' }),
      node('a'),
    ];
    const statefulSets = [statefulSet('running', { namespace: 'mallory' })];
    const pods = [pod('running', { namespace: 'mallory' })];
    const discovery = discover(worldWith({ nodes, statefulSets, pods }), DISCOVERY);
    const { members, listed } = testnet(discovery);
    assert.equal(members.length, NAMESPACE_MEMBERS_MAX + 3);
    const names = new Set(podNames(listed));
    assert.equal(names.size, NAMESPACE_MEMBERS_MAX + 1);
    for (const name of ['a-0', 'old-0', 'running-0']) assert.ok(names.has(name), name);
    const told = [...discovery.remarks].filter(([, { code }]) => code === 'ShareSpent');
    assert.equal(told.length, 2);
    for (const [key] of told) assert.ok(!names.has(`${key.split('/')[1]}-0`));
  });

  it('are five thousand of all: of each namespace in turn, so that many namespaces take none of another', () => {
    const many = Array.from({ length: 6 }, (_, index) => crowd(`mallory-${index}`, NAMESPACE_MEMBERS_MAX));
    const young = crowd('zoe', 700, '2026-05-01T00:00:00Z');
    const { listed } = testnet(discover(worldWith({ nodes: [...many.flat(), ...young] }), DISCOVERY));
    assert.equal(listed.length, GROUP_MEMBERS_MAX);
    assert.equal(listed.filter(({ namespace }) => namespace === 'zoe').length, 700);
  });
});
