/** What HTTP ports have shown of links: kept for as long as the pod is there, where a failover finds it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { World } from '../../../peers/world.ts';
import {
  type Evidence,
  evidenceData,
  evidenceIn,
  withFormerStates,
} from '../../../reconciler/plan/signals/evidence.ts';
import { digest, networkWorld, type PlanOptions, planOf, type Spec, withShown } from './group.ts';

const OWN = 'stellar-peers';
type Answers = Readonly<Record<string, Partial<Evidence>>>;
const answersOf = (answers: Answers) =>
  new Map(Object.entries(answers).map(([uid, each]) => [uid, { seen: [], apart: [], ...each }]));
const own = (data: Readonly<Record<string, string>>) =>
  readConfigMap({ metadata: { name: OWN, namespace: OWN }, data });
const publish = (world: World, answers: Answers) =>
  evidenceData({ world, ownNamespace: OWN, answers: answersOf(answers) });
/** The World once these answers are published. */
const after = withShown;
const shownIn = (world: World) => Object.fromEntries(evidenceIn(world.configMaps.get(OWN)));

describe('what a port has shown', () => {
  const world = networkWorld({ a: {}, b: {}, c: {} });

  it('about a connection stays after the port stops answering, also for the next leader', () => {
    const told = after(world, { 'pod-a': { seen: [digest('b')], apart: [digest('c')] } });
    assert.deepEqual(shownIn(told), { 'pod-a': { seen: [digest('b')], apart: [digest('c')] } });
    const silent = after(told, {});
    assert.deepEqual(shownIn(silent), { 'pod-a': { seen: [digest('b')], apart: [] } });
    const both = [digest('b'), digest('c')].sort();
    assert.deepEqual(shownIn(after(silent, { 'pod-a': { seen: [digest('c')] } }))['pod-a']?.seen, both);
  });

  it('about a missing connection does not count if the connection was seen before', () => {
    const told = after(world, { 'pod-a': { seen: [digest('b')] } });
    assert.deepEqual(shownIn(after(told, { 'pod-a': { apart: [digest('b')] } }))['pod-a']?.apart, []);
  });

  it('about itself stays for a new leader until that leader has asked, and for a minute at most', () => {
    const state = { synced: true, failAt: 1, missing: undefined };
    const told = after(world, { 'pod-a': { state }, 'pod-b': { state } });
    const ownMap = told.configMaps.get(OWN);
    const nextOf = (answers: Answers, leadsForMs: number) =>
      [...withFormerStates(answersOf(answers), ownMap, leadsForMs)]
        .filter(([, each]) => each.state)
        .map(([uid, each]) => `${uid} ${each.state?.failAt}`);
    assert.deepEqual(nextOf({}, 0), ['pod-a 1', 'pod-b 1']);
    const asked = { 'pod-a': { asked: true }, 'pod-b': { asked: true, state: { ...state, failAt: 2 } } };
    assert.deepEqual(nextOf(asked, 0), ['pod-b 2']);
    assert.deepEqual(nextOf({}, 60_000), []);
  });

  it('in one namespace is not displaced by answers of another namespace, however many pods answer there', () => {
    const pod = world.pods.get('stellar/a-0');
    assert.ok(pod);
    const uids = Array.from({ length: 700 }, (_, index) => `another-${index}`);
    const others = uids.map((uid) => [`crowd/${uid}`, { ...pod, uid, namespace: 'crowd' }] as const);
    const crowded = { ...world, pods: new Map([...world.pods, ...others]) };
    const many = Array.from({ length: 72 }, (_, index) => digest(`${index}`));
    const answers = Object.fromEntries(uids.map((uid) => [uid, { seen: many }]));
    const shown = shownIn(after(crowded, { ...answers, 'pod-a': { seen: [digest('b')] } }));
    assert.deepEqual(shown['pod-a']?.seen, [digest('b')]);
    assert.ok(Object.keys(shown).length < uids.length);
  });

  it('is forgotten when its pod is gone', () => {
    const told = after(world, { 'pod-a': { seen: [digest('b')] } });
    const pods = new Map(told.pods);
    pods.delete('stellar/a-0');
    assert.deepEqual(publish({ ...told, pods }, {}), {});
    assert.deepEqual(publish(world, { 'pod-x': { seen: [digest('b')] } }), {});
  });

  it('counts as nothing if it cannot be read', () => {
    for (const text of ['', '[]', '{"pod-a":', '{"pod-a":{"seen":7}}', '{"pod-a":{"seen":"x,../,0123"}}'])
      for (const { seen } of evidenceIn(own({ 'connections.json': text })).values())
        assert.deepEqual(seen, []);
    assert.equal(evidenceIn(undefined).size, 0);
  });

  it('is of 72 peers a pod, and of 200 KiB in all', () => {
    const many = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(8, '0'));
    const told = shownIn(after(world, { 'pod-a': { seen: many } }));
    assert.deepEqual(told['pod-a']?.seen, many.slice(-72));
    const pods = new Map(
      Array.from({ length: 1000 }, (_, index) => {
        const pod = world.pods.get('stellar/a-0');
        assert.ok(pod);
        return [`stellar/p-${index}`, { ...pod, uid: `pod-${index}` }];
      }),
    );
    const answers = Object.fromEntries([...pods.values()].map(({ uid }) => [uid, { seen: many }]));
    const text = publish({ ...world, pods }, answers)['connections.json'] ?? '';
    assert.ok(text.length > 150 * 1024 && text.length < 201 * 1024);
    assert.ok(evidenceIn(own({ 'connections.json': text })).size > 200);
  });
});

describe('a validator of a public network', () => {
  const PUBLIC: Spec = { node: { spec: { network: 'testnet', customNetworkPassphrase: undefined } } };
  const settings = { quorumUnknown: 'warn', rollFor: 'unlinked' } as const;
  const of = (specs: Readonly<Record<string, Spec>>) =>
    networkWorld(
      Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { ...PUBLIC, ...spec }])),
    );
  const restartIn = (world: World, answers: Answers, more: PlanOptions['settings'] = {}) =>
    planOf(after(world, answers), { settings: { ...settings, ...more } }).restart;
  /** None names `c`, and `c` names only `b`. */
  const unlinked = () => of({ a: { knows: ['b'] }, b: { knows: ['a', 'c'] }, c: { knows: ['b'] } });

  it('is not restarted for a peer that its port showed as connected, though neither names the other', () => {
    assert.equal(restartIn(unlinked(), {}), 'bump a');
    const seen = { 'pod-a': { seen: [digest('c')] }, 'pod-c': { seen: [digest('a')] } };
    assert.equal(restartIn(unlinked(), seen), undefined);
    assert.equal(
      restartIn(unlinked(), { 'pod-a': { seen: [digest('c')] } }),
      'bump c',
      'each by its own port',
    );
  });

  it('is not restarted for such a peer either when the port stops answering, or when the leader changes', () => {
    const seen = { 'pod-a': { seen: [digest('c')] }, 'pod-c': { seen: [digest('a')] } };
    assert.equal(restartIn(after(unlinked(), seen), {}), undefined);
  });

  it('is restarted for a peer that names it, once its port has said for ten minutes that they are apart', () => {
    const joined = of({ a: { knows: ['b'] }, b: { knows: ['a'] }, c: {} });
    assert.equal(restartIn(joined, {}), undefined);
    assert.equal(restartIn(joined, { 'pod-a': { apart: [digest('c')] } }), 'bump a');
  });

  it('is not restarted for a peer in its own list, connected or not: it would dial the same name again', () => {
    const complete = of({ a: {}, b: {} });
    assert.equal(restartIn(complete, { 'pod-a': { apart: [digest('b')] } }), undefined);
  });

  it('is planned by its lists alone under the other rules', () => {
    const seen = { 'pod-a': { seen: [digest('c')] }, 'pod-c': { seen: [digest('a')] } };
    assert.equal(restartIn(unlinked(), seen, { rollFor: 'missing' }), 'bump a');
    assert.equal(restartIn(unlinked(), seen, { rollFor: 'all' }), 'bump a');
  });
});
