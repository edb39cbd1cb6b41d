/** Whom a signal may go to, and what it would say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { World } from '../../../peers/world.ts';
import type { Spec } from './group.ts';
import { ipOf, scopeOf, strayPod, worldOf } from './signalling.ts';

const THREE: Readonly<Record<string, Spec>> = { a: {}, b: {}, c: {} };
const named = (world: World) => scopeOf(world).targets.map(({ node }) => node.replace('stellar/', ''));
const dialsOf = (world: World, name: string) =>
  scopeOf(world)
    .targets.find(({ node }) => node === `stellar/${name}`)
    ?.dials.map(({ address }) => address);

describe('a signal', () => {
  it('goes to running pods of validators, and tells each where the others are now', () => {
    const world = worldOf(THREE);
    assert.deepEqual(named(world), ['a', 'b', 'c']);
    assert.deepEqual(dialsOf(world, 'a'), [`${ipOf('b')}:11625`, `${ipOf('c')}:11625`]);
  });

  it('goes to no pod that does not run, is terminating, has no address, is suspended, or is no peer', () => {
    assert.deepEqual(named(worldOf(THREE, { a: { running: false } })), ['b', 'c']);
    assert.deepEqual(named(worldOf(THREE, { a: { deleting: true } })), ['b', 'c']);
    assert.deepEqual(named(worldOf(THREE, { a: { ip: undefined } })), ['b', 'c']);
    assert.deepEqual(named(worldOf({ ...THREE, a: { node: { spec: { suspended: true } } } })), ['b', 'c']);
    assert.deepEqual(named(worldOf({ ...THREE, a: { statefulSet: 'none' } })), ['b', 'c']);
    const port = { annotations: { 'stellar.org/peer-port': '0' } };
    assert.deepEqual(named(worldOf({ ...THREE, a: { node: port } })), ['b', 'c']);
  });

  it('goes to no pod that only looks like a validator’s, and names none', () => {
    const world = worldOf(THREE);
    const pods = new Map(world.pods).set('stellar/a-0', strayPod('a'));
    assert.deepEqual(named({ ...world, pods }), ['b', 'c']);
    assert.deepEqual(dialsOf({ ...world, pods }, 'b'), [`${ipOf('c')}:11625`]);
  });

  it('names a peer at what it advertises, and peers outside as they were given', () => {
    const advertised = { annotations: { 'stellar.org/peer-address': 'a.example.org:1234' } };
    const world = worldOf({ ...THREE, a: { node: advertised } });
    assert.deepEqual(dialsOf(world, 'b'), ['a.example.org:1234', `${ipOf('c')}:11625`]);
    const [target] = scopeOf(world).targets;
    const id = [...world.nodes.values()].flatMap((reading) =>
      reading.kind === 'validator' ? [reading.validator.network.id] : [],
    )[0];
    assert.ok(target && id);
    const external = readConfigMap({
      metadata: { name: 'stellar-peers-external', namespace: 'stellar-peers' },
      data: { [id]: 'core.example.org:11625\n' },
    });
    assert.ok(dialsOf({ ...world, external }, 'c')?.includes('core.example.org:11625'));
  });

  it('expects a peer under its name and its address, and one that does not run under its name', () => {
    const [target] = scopeOf(worldOf(THREE, { c: { running: false } })).targets;
    const expected = target?.expected.map(({ addresses }) => addresses);
    const nameOf = (name: string) => `${name}-0.${name}-headless.stellar.svc.cluster.local:11625`;
    assert.deepEqual(expected, [[nameOf('b'), `${ipOf('b')}:11625`], [nameOf('c')]]);
    assert.deepEqual(
      target?.dials.map(({ host }) => host),
      [ipOf('b')],
    );
  });

  it('is muted, and only asks, while the validator is paused, in maintenance or of an unknown strategy', () => {
    const mutedOf = (node: Spec['node']) =>
      scopeOf(worldOf({ ...THREE, a: node ? { node } : {} })).targets[0]?.muted;
    const rollout = (value: string) => ({ annotations: { 'stellar.org/peer-rollout': value } });
    assert.equal(mutedOf(undefined), false);
    assert.equal(mutedOf(rollout('Signal')), false);
    assert.equal(mutedOf(rollout('OnRestart')), false);
    assert.equal(mutedOf(rollout('paused')), true);
    assert.equal(mutedOf(rollout('Never')), true);
    assert.equal(mutedOf({ spec: { maintenanceMode: true } }), true);
  });

  it('knows a process by its pod’s UID and its container’s restarts, and works nothing out for a closed one', () => {
    const { targets, processes } = scopeOf(worldOf(THREE, { a: { containerRestarts: 2 } }));
    assert.equal(targets[0]?.process, 'pod-a/2');
    const without = scopeOf(worldOf(THREE), (process) => process !== 'pod-a/0');
    assert.deepEqual(
      without.targets.map(({ process }) => process),
      ['pod-b/0', 'pod-c/0'],
    );
    assert.deepEqual([...without.processes], ['pod-a/0', 'pod-b/0', 'pod-c/0']);
    assert.equal(processes.size, 3);
  });
});

describe('a pair of which both ends can be told', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const MANY = Object.fromEntries(NAMES.map((name) => [name, {}]));
  /** The pairs of which this end is told. */
  const tellersIn = (world: World, mayListen?: (process: string) => boolean) =>
    scopeOf(world, mayListen).targets.flatMap(({ pod, dials }) =>
      dials.filter(({ yields }) => !yields).map(({ host }) => `${pod} ${host}`),
    );

  it('is told at one end, always the same end, and no validator is told of all pairs', () => {
    const told = tellersIn(worldOf(MANY));
    assert.equal(told.length, (NAMES.length * (NAMES.length - 1)) / 2);
    for (const name of NAMES)
      assert.ok(told.filter((pair) => pair.startsWith(`stellar/${name}-0 `)).length < NAMES.length - 1, name);
    assert.deepEqual(tellersIn(worldOf(MANY)), told);
  });

  it('is told at the other end if one end is closed, paused or does not list the peer', () => {
    const of = (name: string, told: readonly string[]) =>
      told.filter((pair) => pair.startsWith(`stellar/${name}-0 `)).length;
    const closed = tellersIn(worldOf(THREE), (process) => process.startsWith('pod-a/'));
    assert.equal(of('a', closed), 2);
    const known = (name: string) => (process: string) => process.startsWith(`pod-${name}/`);
    for (const name of ['a', 'b', 'c']) {
      const { targets } = scopeOf(worldOf(THREE), () => true, known(name));
      const left = targets.map(({ dials }) => dials.filter(({ yields }) => yields).length);
      assert.equal(left[['a', 'b', 'c'].indexOf(name)], 0, 'an end that is known to be open tells');
    }
    const paused = { node: { annotations: { 'stellar.org/peer-rollout': 'paused' } } };
    assert.equal(of('a', tellersIn(worldOf({ a: {}, b: paused, c: paused }))), 2);
  });
});
