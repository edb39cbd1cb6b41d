/** An error in the computation of one group affects this group only, and removes nothing that is published. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Discovery, discover, type Group } from '../../../peers/discovery/discover.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import type { World } from '../../../peers/world.ts';
import { publishSteps } from '../../../reconciler/plan/publish/publish.ts';
import { liveDigests } from '../../../reconciler/plan/restarts/liveness.ts';
import { planRollout } from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS } from '../../../reconciler/plan/restarts/setbacks.ts';
import { DISCOVERY, NOW_MS, SETTINGS } from '../reconciler/group.ts';
import { type Parts, worldWith } from '../world.ts';
import { afterPublishing, foreign, MALLORY, VICTIMS, withVictims } from './stage.ts';

const OWN_NETWORK = { network: 'custom', customNetworkPassphrase: 'of my own' };
const mine = (...names: string[]): Parts[] => names.map((name) => foreign(name, { spec: OWN_NETWORK }));

/** The discovery with one group that throws whenever this field is read. */
function broken(discovery: Discovery, key: string, field: keyof Group): Discovery {
  const group = discovery.groups.get(key);
  assert.ok(group);
  const throwing = Object.defineProperty({ ...group }, field, {
    get: () => {
      throw new RangeError('too much of it');
    },
  });
  return { ...discovery, groups: new Map([...discovery.groups, [key, throwing]]) };
}

/** The plan for ConfigMaps that is made of this discovery. */
function planned(world: World, discovery: Discovery, views = new ViewBook(discovery, 24)) {
  const input = { world, discovery, views, ownNamespace: 'stellar-peers', nowMs: NOW_MS };
  const steps = publishSteps(input, () => input);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const plan = step.value;
  const dataOf = (namespace: string) =>
    plan.configMaps.find((write) => write.namespace === namespace)?.data ?? {};
  return { plan, dataOf };
}

describe('a group whose computation throws', () => {
  const parts = afterPublishing(withVictims(...mine('m', 'n')));
  const world = worldWith(parts);
  const whole = discover(world, DISCOVERY);
  const key = whole.groupOf.get(`${MALLORY}/m`) ?? '';

  it('takes no list from validators of other groups', () => {
    const fresh = worldWith({ ...withVictims(...mine('m', 'n')) });
    const discovery = broken(discover(fresh, DISCOVERY), key, 'listed');
    const { plan, dataOf } = planned(fresh, discovery);
    for (const name of VICTIMS) {
      assert.equal(dataOf('stellar')[`${name}.peers.txt`]?.split('\n').length, 3, name);
    }
    assert.deepEqual(plan.reports.get(`${MALLORY}/m`), {
      code: 'ListNotWorkedOut',
      detail: 'RangeError: too much of it',
    });
    assert.equal(plan.reports.get('stellar/a'), undefined);
  });

  it('keeps its own published lists', () => {
    const { plan } = planned(world, broken(whole, key, 'listed'));
    assert.deepEqual(
      plan.configMaps.map(({ namespace }) => namespace),
      [],
      'nothing is written',
    );
  });

  it('has none of its validators restarted, and holds no validator of another group', () => {
    const live = liveDigests(world, whole);
    const isLive = (digest: string) => live.has(digest);
    const plans = planRollout({
      world,
      discovery: broken(whole, key, 'validators'),
      settings: SETTINGS,
      nowMs: NOW_MS,
      setbacks: NO_SETBACKS,
      quiet: () => ({ quietMs: 3_600_000, changingMs: 0 }),
      readyForMs: () => 3_600_000,
      downForMs: () => 3_600_000,
      liveness: { isLive, wasLive: isLive },
      listedSinceMs: () => Number.POSITIVE_INFINITY,
    });
    assert.equal(plans.get(key)?.restart, undefined);
    assert.equal(plans.get(key)?.holds.get(`${MALLORY}/m`)?.code, 'GroupNotJudged');
    assert.deepEqual([...(plans.get('testnet')?.holds ?? [])], []);
  });
});

/** Views in which each validator has an empty list. */
class Forgetful extends ViewBook {
  override pageOf(namespace: string) {
    const page = super.pageOf(namespace);
    const peerList = { view: [], externals: [] };
    return { ...page, entries: page.entries.map((entry) => ({ ...entry, peerList, bytes: 0 })) };
  }
}

/** Views without any validator. */
class Empty extends ViewBook {
  override pageOf(namespace: string) {
    return { ...super.pageOf(namespace), entries: [] };
  }
}

function plannedBy(Book: typeof ViewBook, world: World) {
  const discovery = discover(world, DISCOVERY);
  return planned(world, discovery, new Book(discovery, 24)).plan;
}

describe('before ConfigMaps are written', () => {
  const world = worldWith(afterPublishing(withVictims()));

  it('an empty list does not replace a filled list while the network has other members, and the refusal is reported', () => {
    const { configMaps, reports } = plannedBy(Forgetful, world);
    assert.deepEqual(configMaps, []);
    for (const name of VICTIMS) assert.equal(reports.get(`stellar/${name}`)?.code, 'EmptyListRefused');
  });

  it('the keys of a StellarNode that still is a validator stay, even if its list could not be computed', () => {
    const { configMaps, reports } = plannedBy(Empty, world);
    assert.deepEqual(configMaps, []);
    for (const name of VICTIMS) assert.equal(reports.get(`stellar/${name}`)?.code, 'ListNotWorkedOut');
  });

  it('the keys of a StellarNode that cannot be read any more stay too; the keys of a deleted StellarNode are removed', () => {
    const parts = afterPublishing(withVictims());
    const [a, b, c] = parts.nodes ?? [];
    assert.ok(a && b && c);
    const unreadable = { ...a, spec: { nodeType: 'Validator', network: 7 } };
    const plan = plannedBy(ViewBook, worldWith({ ...parts, nodes: [unreadable, c] }));
    const data = plan.configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
    assert.deepEqual(
      Object.keys(data)
        .filter((name) => name.endsWith('.txt'))
        .sort(),
      ['a.peers.txt', 'c.peers.txt'],
    );
    assert.equal(data['a.peers.txt'], world.configMaps.get('stellar')?.data['a.peers.txt']);
  });

  it('a list becomes empty if the network has no other member any more', () => {
    const parts = afterPublishing(withVictims());
    const plan = plannedBy(ViewBook, worldWith({ ...parts, nodes: (parts.nodes ?? []).slice(0, 1) }));
    const data = plan.configMaps.find(({ namespace }) => namespace === 'stellar')?.data ?? {};
    assert.equal(data['a.peers.toml'], 'KNOWN_PEERS=[]\n');
    assert.deepEqual(Object.keys(data).length, 3);
  });
});
