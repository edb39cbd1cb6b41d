/** Signals over the real client: servers on loopback that answer like stellar-core, or misbehave. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { World } from '../../../peers/world.ts';
import { Signaller } from '../../../reconciler/apply/signaller.ts';
import { type CoreClient, createCoreClient } from '../../../runtime/core-client.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { type CoreServer, startCoreServer } from '../../cluster/core-server.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { NOW_MS } from './group.ts';
import { POLL_MS, scopeOf, strayPod, worldOf } from './signalling.ts';

const FOLLOW_UP_MS = 5_000;
const TIMEOUT_MS = 1_500;
/** Addresses that other tests on loopback do not take. */
const HOSTS: Readonly<Record<string, string>> = { a: '127.0.77.1', b: '127.0.77.2', c: '127.0.77.3' };
const hostOf = (name: string): string => HOSTS[name] ?? '';
const THREE = { a: {}, b: {}, c: {} };
const ADDRESSES = Object.fromEntries(Object.entries(HOSTS).map(([name, ip]) => [name, { ip }]));
const WORLD = worldOf(THREE, ADDRESSES);

const ASKED = ['/peers', '/info'];
const tells = (name: string) => `/connect?peer=${hostOf(name)}&port=11625`;
/** The one end of each pair that is told. */
const DIALS: Readonly<Record<string, readonly string[]>> = { a: ['c'], b: ['a', 'c'], c: [] };
const told = (name: string) => (DIALS[name] ?? []).map(tells);
const firstCalls = (name: string) => [...ASKED, ...told(name)];

/** The three validators' servers on one port, and the signaller that calls them. */
async function stageOf(t: TestContext) {
  const servers = new Map<string, CoreServer>();
  let port = 0;
  for (const [name, host] of Object.entries(HOSTS)) {
    const server = await startCoreServer({ host, port });
    t.after(() => server.stop());
    port = server.port;
    servers.set(name, server);
  }
  const clock = new ManualClock(NOW_MS);
  const log = new CapturedLog();
  const metrics = new Metrics();
  const { core, open } = counted(
    createCoreClient({ clock, port, timeoutMs: TIMEOUT_MS, bytesMax: 64 * 1024 }),
  );
  clock.waitFor(() => open() > 0);
  const options = { core, clock, log, metrics, pollMs: POLL_MS, wake: { notify: () => undefined } };
  const signaller = new Signaller(options);
  t.after(() => signaller.stop());
  const server = (name: string): CoreServer => {
    const found = servers.get(name);
    if (!found) throw new Error(`no server ${name}`);
    return found;
  };
  const offer = (world: World) => signaller.offer(scopeOf(world, signaller.mayListen));
  const callsReach = (name: string, count: number) =>
    eventually(`${count} calls to ${name}`, () => server(name).calls.length >= count);
  return { open, clock, log, metrics, signaller, server, offer, callsReach };
}

/** The same client, and how many of its questions are open. */
function counted(client: CoreClient): { core: CoreClient; open: () => number } {
  let open = 0;
  const count = async <T>(asked: Promise<T>): Promise<T> => {
    open += 1;
    return asked.finally(() => {
      open -= 1;
    });
  };
  const core: CoreClient = {
    peers: (host) => count(client.peers(host)),
    info: (host) => count(client.info(host)),
    connect: (host, peer) => count(client.connect(host, peer)),
  };
  return { core, open: () => open };
}

describe('signals over HTTP', () => {
  it('reach each running validator once per peer, and show as connections a little later', async (t) => {
    const { clock, signaller, server, offer, callsReach } = await stageOf(t);
    offer(WORLD);
    for (const name of Object.keys(HOSTS)) await callsReach(name, firstCalls(name).length);
    for (const [name, dialled] of Object.entries(DIALS))
      for (const other of dialled) server(other).connected.add(`${hostOf(name)}:11625`);
    offer(WORLD);
    const isFull = () => [...signaller.connections.values()].filter(({ connected }) => connected === 2);
    await clock.passUntil(() => isFull().length === 3, FOLLOW_UP_MS);
    // It is synced as soon as it says so with a peer.
    assert.deepEqual(signaller.connections.get('stellar/a-0'), { connected: 2, expected: 2, synced: true });
    await signaller.stop();
    for (const name of Object.keys(HOSTS)) {
      const { calls } = server(name);
      const first = firstCalls(name);
      assert.deepEqual(calls.slice(0, first.length), first);
      assert.ok(
        calls.slice(first.length).every((call) => ASKED.includes(call)),
        calls.join(),
      );
    }
  });

  it('reach no pod that is not ours, not running, or going, though it listens', async (t) => {
    const gone: ReadonlyArray<(world: World) => World> = [
      (world) => ({ ...world, pods: new Map(world.pods).set('stellar/a-0', strayAt(hostOf('a'))) }),
      () => worldOf(THREE, { ...ADDRESSES, a: { ip: hostOf('a'), running: false } }),
      () => worldOf(THREE, { ...ADDRESSES, a: { ip: hostOf('a'), deleting: true } }),
      () => worldOf({ ...THREE, a: { node: { spec: { suspended: true } } } }, ADDRESSES),
    ];
    for (const change of gone) {
      const { signaller, server, offer, callsReach } = await stageOf(t);
      offer(change(WORLD));
      await callsReach('b', 3);
      await callsReach('c', 2);
      await signaller.stop();
      assert.deepEqual(server('a').calls, []);
      assert.deepEqual(server('b').calls, [...ASKED, tells('c')]);
      for (const name of Object.keys(HOSTS)) await server(name).stop();
    }
  });

  it('ask what misbehaves once per attempt, follow nothing, and do not keep the others waiting', async (t) => {
    for (const behaviour of ['error', 'hang', 'endless', 'redirect', 'garbage', 'exception'] as const) {
      const { open, clock, log, signaller, server, offer, callsReach } = await stageOf(t);
      server('a').behaviour = behaviour;
      offer(WORLD);
      await callsReach('b', 4);
      await callsReach('c', 2);
      await eventually('the others are done', () => open() === (behaviour === 'hang' ? 1 : 0));
      clock.advance(TIMEOUT_MS);
      await eventually(`a warning of ${behaviour}`, () => log.with(/a signal failed/).length === 1);
      assert.deepEqual(server('a').calls, ['/peers'], behaviour);
      server('a').behaviour = 'answer';
      await clock.passUntil(() => server('a').calls.length > 1);
      await callsReach('a', 4);
      await signaller.stop();
      assert.deepEqual(server('a').calls, ['/peers', ...firstCalls('a')]);
      assert.deepEqual([server('a').redirectedTo, [...signaller.closedNodes]], [0, []]);
      for (const name of Object.keys(HOSTS)) await server(name).stop();
    }
  });

  it('find a closed port with three attempts, and leave it alone', async (t) => {
    const { clock, log, metrics, signaller, server, offer } = await stageOf(t);
    const { port, host } = server('a');
    await server('a').stop();
    offer(WORLD);
    await clock.passUntil(() => signaller.closedNodes.size > 0);
    assert.deepEqual([...signaller.closedNodes], ['stellar/a']);
    assert.match(await metrics.render(), /stellar_peers_core_ports\{state="closed"\} 1/);
    assert.equal(log.with(/a signal failed/).length, 0);
    // It opens without a new process, which stellar-core cannot: it is not read.
    const again = await startCoreServer({ host, port });
    t.after(() => again.stop());
    const calls = () => server('b').calls.length;
    const seen = calls();
    offer(WORLD);
    await clock.passUntil(() => calls() >= seen + 6, POLL_MS);
    assert.deepEqual(again.calls, []);
    offer(worldOf(THREE, { ...ADDRESSES, a: { ip: hostOf('a'), containerRestarts: 1 } }));
    await eventually('the next process is told', () => again.calls.length >= 3);
  });
});

const strayAt = (ip: string) => ({ ...strayPod('a'), ip });
