/**
 * A leader that is frozen at the worst moment, just before it sends a write, until after its Lease has ended, and then
 * continues. The audit log shows its requests, and a separate watch shows the pods.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { podOf } from '../../reconciler/leader/lease.ts';
import { Leases, StatefulSets } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { FIVE, FOUR, leaderOf, Network, THREE } from '../cluster/network.ts';
import { addressOf, Published } from '../cluster/published.ts';
import type { Replica } from '../cluster/replica.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

/** The longest time until another replica leads and has looked at everything. */
const TAKEOVER_MS = 30_000;
/** The longest time until a restart that left no trace is given up; that takes 20 s. */
const VOID_MS = 60_000;
/** A restart that left no trace is tried again a minute after it was closed. */
const TRIED_AGAIN_MS = VOID_MS + 60_000;
const LEASE = { resource: Leases, namespace: 'stellar-peers', name: 'stellar-peers' };
const READS = ['get', 'list', 'watch'];

/** A leader that stands still, and the replica that takes its place. */
interface Frozen {
  readonly leader: Replica;
  readonly other: Replica;
}

describe('a leader that stands still just before a write, past its Lease, and goes on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-stop-'));
  let scene: Scene;
  let published: Published;

  before(async () => {
    scene = await createScene({
      program: ['--import', './test/cluster/stop-before-write.ts', 'main.ts', 'run'],
      env: { STOP_FOLDER: folder },
    });
    published = new Published(scene.cluster.admin);
    await scene.start();
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await published?.stop();
    await scene?.stop();
  });

  const holder = async (): Promise<string | undefined> => {
    const spec = (await scene.cluster.admin.get(LEASE))?.spec as { holderIdentity?: string } | undefined;
    return spec?.holderIdentity === undefined ? undefined : podOf(spec.holderIdentity);
  };
  const isStopped = ({ pid }: Replica): boolean =>
    /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

  /** Makes the leader stop before `write`, calls `cause` so that it writes, and waits until the leader stands still. */
  async function freeze(write: RegExp, cause: () => Promise<void> = async () => {}): Promise<Frozen> {
    const replicas = scene.replicas;
    assert.ok(replicas);
    const leader = await leaderOf(replicas);
    const other = replicas.replicas.find((replica) => replica !== leader);
    assert.ok(other);
    // As when its readiness probe fails: a stopped replica gets no reviews.
    replicas.front.setBackends([other.webhookPort]);
    replicas.front.cut(leader.webhookPort);
    const point = join(folder, leader.name);
    writeFileSync(join(folder, 'next'), write.source);
    renameSync(join(folder, 'next'), point);
    await cause();
    await until(
      `${leader.name} stands still before ${write.source}`,
      () => !existsSync(point) && isStopped(leader),
    );
    return { leader, other };
  }

  const untilTakenOver = ({ other }: Frozen) =>
    until(`${other.name} leads`, async () => (await holder()) === other.name, { deadlineMs: TAKEOVER_MS });

  /** Continues the stopped leader, waits until it knows that it does not lead, and resolves to its writes since then. */
  async function thaw({ leader, other }: Frozen): Promise<() => Promise<string[]>> {
    const sinceMs = Date.now();
    const ended = () => readFileSync(leader.logPath, 'utf8').split('leadership ended').length;
    const endedBefore = ended();
    leader.kill('SIGCONT');
    await until(`${leader.name} knows that it does not lead`, async () => {
      return (await metricOf([leader], 'stellar_peers_leader')) === 0;
    });
    // The end of its term in the log shows that all work of the term is over.
    await until(`${leader.name} has ended its term`, () => ended() > endedBefore);
    await leader.ready();
    scene.replicas?.front.setBackends([leader.webhookPort, other.webhookPort]);
    return async () =>
      (await scene.cluster.audit())
        .filter(({ atMs, userAgent }) => atMs >= sinceMs && userAgent === `stellar-peers/${leader.name}`)
        .filter(({ verb }) => !READS.includes(verb))
        .map(
          ({ verb, resource, namespace, name, code }) => `${code} ${verb} ${resource} ${namespace}/${name}`,
        );
  }

  /** None of the writes succeeded, and the write `meant` ended in a conflict. */
  async function assertTooLate(
    t: TestContext,
    writes: () => Promise<string[]>,
    meant: string,
  ): Promise<void> {
    const asked = await writes();
    t.diagnostic(asked.join('; '));
    assert.ok(asked.some((write) => write.startsWith(`409 ${meant}`)));
    assert.deepEqual(
      asked.filter((write) => write.startsWith('2')),
      [],
    );
  }

  /** Validators were restarted only as `wanted` says, one at a time, and the stopped leader follows the other replica. */
  async function assertAtRest(
    network: Network,
    { leader, other }: Frozen,
    wanted: Readonly<Record<string, number>>,
  ): Promise<void> {
    await settled(scene);
    assert.deepEqual(network.restarts(Object.keys(wanted)), wanted);
    assert.ok(network.mostDown(0) <= 1, 'never two pods down at once');
    assert.equal(await holder(), other.name);
    assert.equal(await metricOf([leader], 'stellar_peers_leader'), 0);
    assert.equal((await leader.get('/readyz')).status, 200);
    const open = (await network.journal()).filter(({ outcome }) => outcome === undefined);
    assert.deepEqual(open, []);
  }

  const counts = (names: readonly string[], ...numbers: number[]) =>
    Object.fromEntries(names.map((name, index) => [name, numbers[index] ?? 0]));

  it('does not renew its Lease', async (t) => {
    const network = await new Network(scene, 'lease').foundUpToDate();
    const frozen = await freeze(/^PUT .*\/leases\/stellar-peers$/);
    await untilTakenOver(frozen);
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    const writes = await thaw(frozen);
    await assertAtRest(network, frozen, counts(FOUR, 1, 1, 1, 0));
    await assertTooLate(t, writes, 'update leases stellar-peers/stellar-peers');
  });

  it('does not overwrite a newer publication', async (t) => {
    const network = await new Network(scene, 'publish').foundUpToDate();
    const frozen = await freeze(/^PATCH .*\/namespaces\/publish\/configmaps\/stellar-peers$/, () =>
      network.add('validator-4'),
    );
    await network.add('validator-5');
    await untilTakenOver(frozen);
    const newer = FIVE.slice(1).map((name) => addressOf('publish', name));
    await published.untilPeers({ 'publish/validator-1': newer });
    const seen: number[] = [];
    const watching = new AbortController();
    const watched = published
      .until('an older view', () => {
        seen.push(published.peersOf('publish', 'validator-1')?.length ?? 0);
        return watching.signal.aborted;
      })
      .catch(() => undefined);
    const writes = await thaw(frozen);
    await network.untilTheyKnow(FIVE, 120_000);
    watching.abort();
    await settled(scene);
    t.diagnostic(JSON.stringify(network.restarts(FIVE)));
    await assertTooLate(t, writes, 'patch configmaps publish/stellar-peers');
    assert.deepEqual([...new Set(seen)], [4]);
    await watched;
    // The newcomers started while no replica published: each may lack peers that were published later.
    const restarts = network.restarts(FIVE);
    for (const name of THREE) assert.equal(restarts[name], 1, `${name}: one restart for both newcomers`);
    for (const name of FIVE) assert.ok((restarts[name] ?? 0) <= 1, `${name}: ${restarts[name]}`);
    await assertAtRest(network, frozen, restarts);
  });

  it('does not open a restart in the journal after another leader has opened one', async (t) => {
    const network = await new Network(scene, 'journal').foundUpToDate();
    const frozen = await freeze(/^PUT .*\/configmaps\/stellar-peers-restarts$/, () =>
      network.add('validator-4'),
    );
    assert.deepEqual(await network.journal(), []);
    await untilTakenOver(frozen);
    await until('the other replica has begun a restart', async () => (await network.journal()).length > 0);
    const writes = await thaw(frozen);
    await network.untilTheyKnow(FOUR);
    await assertAtRest(network, frozen, counts(FOUR, 1, 1, 1, 0));
    await assertTooLate(t, writes, 'update configmaps stellar-peers/stellar-peers-restarts');
  });

  it('does not restart a validator whose restart was given up', async (t) => {
    const network = await new Network(scene, 'bump').foundUpToDate();
    const frozen = await freeze(/^PATCH .*\/namespaces\/bump\/statefulsets\//, () =>
      network.add('validator-4'),
    );
    const [meant] = await network.journal();
    assert.ok(meant, 'the restart is in the journal');
    await untilTakenOver(frozen);
    await until(
      'the other replica has given up the restart',
      async () => (await network.journal()).some(({ at, outcome }) => at === meant.at && outcome === 'void'),
      { deadlineMs: VOID_MS, everyMs: 10 },
    );
    const writes = await thaw(frozen);
    await network.untilTheyKnow(FOUR, 120_000);
    await assertAtRest(network, frozen, counts(FOUR, 1, 1, 1, 0));
    await assertTooLate(t, writes, 'patch statefulsets bump/');
  });

  it('does not restart a validator once another leader has seen the journal entry, long before that restart is given up', async (t) => {
    const network = await new Network(scene, 'early').foundUpToDate();
    const frozen = await freeze(/^PATCH .*\/namespaces\/early\/statefulsets\//, () =>
      network.add('validator-4'),
    );
    const [meant] = await network.journal();
    assert.ok(meant, 'the restart is in the journal');
    await untilTakenOver(frozen);
    const [, name = ''] = meant.statefulSet.split('/');
    const ref = { resource: StatefulSets, namespace: 'early', name };
    await until('the other replica has fenced the restart', async () => {
      const { metadata } = (await scene.cluster.admin.get(ref)) ?? assert.fail('it is there');
      return metadata.annotations?.['stellar.org/peer-fence'];
    });
    const writes = await thaw(frozen);
    await network.untilTheyKnow(FOUR, 120_000);
    await assertAtRest(network, frozen, counts(FOUR, 1, 1, 1, 0));
    await assertTooLate(t, writes, 'patch statefulsets early/');
    const entry = (await network.journal()).find(({ at }) => at === meant.at);
    assert.equal(entry?.outcome, 'void');
  });

  it('does not delete a pod that another leader has replaced', async (t) => {
    const network = new Network(scene, 'delete', { annotations: { 'test.stellar-peers/ready': 'never' } });
    const two = ['validator-1', 'validator-2'];
    await network.found(two);
    await network.untilStamped(two);
    const frozen = await freeze(/^DELETE .*\/namespaces\/delete\/pods\//, async () => {
      const { front, replicas = [] } = scene.replicas ?? {};
      front?.setBackends([]);
      for (const replica of replicas) front?.cut(replica.webhookPort);
      await network.deletePod('validator-1');
      await scene.pods.until('its pod is replaced', () => network.restarts(two)['validator-1'] === 1);
      assert.equal(network.stamp('validator-1'), undefined, 'the new pod is not injected');
      const leader = await leaderOf(scene.replicas ?? assert.fail());
      front?.setBackends(replicas.filter((one) => one !== leader).map(({ webhookPort }) => webhookPort));
    });
    await untilTakenOver(frozen);
    const replaced = () => network.restarts(two)['validator-1'] === 2;
    await scene.pods.until('the other replica has replaced the pod', replaced, TRIED_AGAIN_MS);
    const writes = await thaw(frozen);
    await network.untilStamped(two);
    await assertAtRest(network, frozen, counts(two, 2, 0));
    await assertTooLate(t, writes, 'delete pods delete/');
  });

  it('can lead again when the other leader stops', async () => {
    const { replicas } = scene;
    assert.ok(replicas);
    const leader = await leaderOf(replicas);
    const other = replicas.replicas.find((replica) => replica !== leader);
    assert.ok(other);
    leader.kill('SIGTERM');
    await leader.exited;
    replicas.use([other]);
    await until(`${other.name} leads`, async () => (await holder()) === other.name);
    const network = await new Network(scene, 'again').foundUpToDate();
    await network.add('validator-4');
    await network.untilTheyKnow(FOUR);
    network.assertRestarts(FOUR, [1, 1, 1, 0]);
  });

  it('needs no request that RBAC refuses', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
