/** One replica as a process: when it is ready, how it stops, and how it fails. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, before, describe, it } from 'node:test';
import { CERT_SECRET } from '../../peers/names.ts';
import { podOf } from '../../reconciler/leader/lease.ts';
import { Leases, Secrets } from '../../runtime/kube/resources.ts';
import { type Front, startFront } from '../cluster/front.ts';
import { installManifests } from '../cluster/install.ts';
import { type Replica, startReplica } from '../cluster/replica.ts';
import { type Answered, type Caller, createCaller, reviewOf } from '../cluster/reviews.ts';
import { createScene, createValidator, SHORT } from '../cluster/scene.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';

const DRAIN_MS = 3_000;
const DRAIN = { DRAIN_SECONDS: String(DRAIN_MS / 1000) };
/** The time that a loaded machine may add. */
const SLACK_MS = 5_000;
/** Beyond the drain, a clean stop may take this long; then the process gives up. */
const GRACE_MS = 15_000;
const LEASE = { resource: Leases, namespace: 'stellar-peers', name: 'stellar-peers' };
const SECRET = { resource: Secrets, namespace: 'stellar-peers', name: CERT_SECRET };
/** A review of a pod of no validator: it is answered at once, without a patch. */
const STRANGER = { ...reviewOf('nowhere/absent'), request: { uid: 'a-uid', operation: 'DELETE' } };

describe('a replica', () => {
  const scene = sceneOf(() => createScene({ nodes: 1, operator: { reactMs: 3_600_000 } }));
  const started: Replica[] = [];
  const callers: Caller[] = [];

  before(async () => {
    await installManifests(scene.cluster, { webhookUrl: scene.webhookUrl });
  });
  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.stop();
    for (const replica of started) replica.kill('SIGKILL');
    await Promise.all(started.splice(0).map((replica) => replica.exited));
    // The killed replica still holds the Lease, so empty it.
    const free = JSON.stringify({ spec: { holderIdentity: '' } });
    const lease = ['-n', LEASE.namespace, 'patch', 'lease', LEASE.name, '--type=merge', '-p', free];
    if (await scene.cluster.admin.get(LEASE)) await scene.cluster.kubectl(lease);
  });

  async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const replica = await startReplica(scene.cluster, { name, env: { ...SHORT, ...DRAIN, ...env } });
    started.push(replica);
    return replica;
  }

  /** A replica that is ready and leads. */
  async function startLeader(name: string, env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const replica = await start(name, env);
    await replica.ready();
    await until(`${name} leads`, async () => (await holder()) === name);
    return replica;
  }

  async function callerOf({ webhookPort }: Replica): Promise<Caller> {
    const caller = await createCaller(scene.cluster, webhookPort);
    callers.push(caller);
    return caller;
  }

  const holder = async (): Promise<string | undefined> => {
    const spec = (await scene.cluster.admin.get(LEASE))?.spec as { holderIdentity?: string } | undefined;
    return spec?.holderIdentity === undefined ? undefined : podOf(spec.holderIdentity);
  };

  /** Waits until the process has ended. Resolves to its exit code and the time that it took. */
  async function endOf(replica: Replica, withinMs: number): Promise<{ code: number | null; tookMs: number }> {
    const sinceMs = performance.now();
    const { code } = await until(`${replica.name} has ended`, () => replica.exit(), { deadlineMs: withinMs });
    return { code, tookMs: performance.now() - sinceMs };
  }

  const untilDraining = (replica: Replica) =>
    until(`${replica.name} is not ready`, async () => {
      const { status, body } = await replica.get('/readyz');
      return status === 503 && /shutting down/.test(body);
    });

  const logOf = ({ logPath }: Replica): string => readFileSync(logPath, 'utf8');

  function assertServed(answers: readonly Answered[]): void {
    for (const { status, uid, allowed } of answers)
      assert.deepEqual([status, uid, allowed], [200, 'a-uid', true]);
  }

  describe('is ready', () => {
    /** Starts a way to the API server that can be cut, and writes a kubeconfig for it. */
    async function startWay(): Promise<{ front: Front; port: number; kubeconfig: string }> {
      const { cluster } = scene;
      const port = Number(new URL(cluster.server).port);
      const front = await startFront();
      const path = await cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers');
      const kubeconfig = join(cluster.dir, 'config', `by-way-of-${front.port}.kubeconfig`);
      const text = readFileSync(path, 'utf8').replaceAll(cluster.server, `https://127.0.0.1:${front.port}`);
      writeFileSync(kubeconfig, text, { mode: 0o600 });
      return { front, port, kubeconfig };
    }

    const reasonsOf = async (replica: Replica): Promise<string> => {
      const { status, body } = await replica.get('/readyz');
      assert.equal(status, body === 'ok\n' ? 200 : 503);
      return body;
    };

    it('only once the API server has answered; until then it names the missing conditions', async (t) => {
      const { front, port, kubeconfig } = await startWay();
      t.after(() => front.stop());
      const replica = await start('unanswered', { KUBECONFIG: kubeconfig });
      const reasons = await until('the replica says why it is not ready', () => reasonsOf(replica));
      for (const lacking of [
        'caches are not in sync',
        'there is no certificate, or it expires within minutes',
        'the webhook does not listen',
      ])
        assert.ok(reasons.includes(lacking), reasons);
      assert.equal(
        (await replica.get('/healthz')).status,
        200,
        'the replica is alive: the kubelet must not kill it',
      );
      front.setBackends([port]);
      await replica.ready();
    });

    it('only once the API server has been told to trust its CA', async () => {
      const { kubectl } = scene.cluster;
      const role = JSON.parse(await kubectl(['get', 'clusterrole', 'stellar-peers', '-o', 'json'])) as {
        rules: ReadonlyArray<{ resources: readonly string[] }>;
      };
      const index = role.rules.findIndex(({ resources }) =>
        resources.includes('mutatingwebhookconfigurations'),
      );
      const setRights = (...verbs: string[]) => {
        const change = JSON.stringify([{ op: 'replace', path: `/rules/${index}/verbs`, value: verbs }]);
        return kubectl(['patch', 'clusterrole', 'stellar-peers', '--type=json', '-p', change]);
      };
      await setRights('get', 'list', 'watch');
      const empty = JSON.stringify([{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: '' }]);
      await kubectl(['patch', 'mutatingwebhookconfiguration', 'stellar-peers', '--type=json', '-p', empty]);
      const replica = await start('untrusted');
      await until('nothing else is missing', async () => {
        const reasons = await reasonsOf(replica);
        assert.notEqual(reasons, 'ok\n');
        return reasons === 'not ready: caBundle does not name our CA\n';
      });
      await setRights('get', 'list', 'watch', 'patch');
      await replica.ready(60_000);
    });

    it('not while its certificate is about to expire, and again when it has a new certificate', async (t) => {
      const { front, port, kubeconfig } = await startWay();
      let way = front;
      t.after(() => way.stop());
      way.setBackends([port]);
      await scene.cluster.admin.delete(SECRET, {});
      const replica = await start('expiring', { KUBECONFIG: kubeconfig, CERT_LIFETIME_SECONDS: '20' });
      await replica.ready();
      await way.stop();
      const reasons = await until('the replica is not ready', async () => {
        const found = await reasonsOf(replica);
        return found !== 'ok\n' && found;
      });
      assert.equal(reasons, 'not ready: there is no certificate, or it expires within minutes\n');
      const page = (await replica.get('/metrics')).body;
      const expiry = Number(/^stellar_peers_certificate_expiry_timestamp_seconds (.+)$/m.exec(page)?.[1]);
      assert.ok(expiry * 1000 > Date.now(), 'before it has expired');
      way = await startFront([port], way.port);
      await replica.ready(60_000);
      await scene.cluster.admin.delete(SECRET, {});
    });
  });

  describe('that is asked to stop', () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      it(`by ${signal} takes no new traffic, answers pending reviews, gives the Lease back and exits with 0`, async () => {
        const replica = await startLeader(`stops-by-${signal.toLowerCase()}`);
        const caller = await callerOf(replica);
        assertServed([await caller.ask(STRANGER), await caller.askAgain(STRANGER)]);
        replica.kill(signal);
        const sinceMs = performance.now();
        await untilDraining(replica);
        const noticedMs = performance.now() - sinceMs;
        const again = await caller.askAgain(STRANGER);
        assert.equal(again.connection, 'close');
        await until('the Lease is free', async () => (await holder()) === '');
        const freedMs = performance.now() - sinceMs;
        assert.equal(replica.exit(), undefined, 'the Lease is free before the drain is over');
        const answers: Answered[] = [again];
        const refused = await until('it is gone', async () => {
          const answer = await caller.ask(STRANGER).catch((error: unknown) => error as NodeJS.ErrnoException);
          if (!('status' in answer)) return { atMs: performance.now(), code: answer.code };
          answers.push(answer);
          return undefined;
        });
        assert.ok(
          refused.atMs - sinceMs >= DRAIN_MS - 50,
          `${refused.code} after ${refused.atMs - sinceMs} ms`,
        );
        assertServed(answers);
        assert.deepEqual([...new Set(answers.map(({ connection }) => connection))], ['close']);
        const { code } = await endOf(replica, SLACK_MS);
        const tookMs = performance.now() - sinceMs;
        assert.equal(code, 0);
        console.log(
          `${signal}: not ready after ${noticedMs.toFixed()} ms, Lease free after ${freedMs.toFixed()} ms, ` +
            `${answers.length} reviews answered, ended after ${tookMs.toFixed()} ms`,
        );
      });
    }

    it('gives up its Lease, so that the other replica leads long before the Lease would have ended', async () => {
      const leader = await startLeader('leads-first', { LEASE_DURATION_SECONDS: '20' });
      const other = await start('leads-next', { LEASE_DURATION_SECONDS: '20' });
      await other.ready();
      leader.kill('SIGTERM');
      const sinceMs = performance.now();
      // A follower looks at the Lease about every fifth of the duration of the Lease.
      await until('the other replica leads', async () => (await holder()) === 'leads-next', {
        deadlineMs: 10_000,
      });
      console.log(`taken over ${(performance.now() - sinceMs).toFixed()} ms after SIGTERM`);
      assert.equal((await endOf(leader, DRAIN_MS + SLACK_MS)).code, 0);
    });

    it('answers the reviews that it holds', async () => {
      await scene.cluster.createNamespace('held');
      const replica = await startLeader('holds');
      const caller = await callerOf(replica);
      await createValidator(scene, 'newcomer', { namespace: 'held' });
      const asked = caller.ask(reviewOf('held/newcomer'));
      const sinceMs = performance.now();
      const others = async () => {
        for (let other = 0; other < 5; other += 1) assertServed([await caller.ask(STRANGER)]);
        return 'held';
      };
      assert.equal(
        await Promise.race([asked, others()]),
        'held',
        'other reviews are answered before the held one',
      );
      replica.kill('SIGTERM');
      const answer = await asked;
      assertServed([answer]);
      assert.ok(answer.atMs - sinceMs < 1_400, `held for ${answer.atMs - sinceMs} ms`);
      assertServed([await caller.ask(reviewOf('held/newcomer'))]);
      assert.equal((await endOf(replica, DRAIN_MS + SLACK_MS)).code, 0);
    });

    it('finishes a review that is still being sent when the drain is over', async () => {
      const replica = await startLeader('finishes', { DRAIN_SECONDS: '1' });
      const caller = await callerOf(replica);
      const review = await caller.begin(STRANGER);
      replica.kill('SIGTERM');
      let refusedCount = 0;
      await until('the replica has refused more than 20 connections', async () => {
        const error = await caller.ask(STRANGER).then(
          () => undefined,
          (cause: NodeJS.ErrnoException) => cause,
        );
        if (error?.code === 'ECONNREFUSED') refusedCount += 1;
        return refusedCount > 20;
      });
      assert.equal(replica.exit(), undefined, 'the replica waits for the review');
      const answer = await review.finish();
      assertServed([answer]);
      assert.equal(answer.connection, 'close');
      assert.equal((await endOf(replica, SLACK_MS)).code, 0);
    });

    it('does not wait for ever for a caller that never completes its review', async () => {
      const replica = await startLeader('is-strung-along', { DRAIN_SECONDS: '1' });
      const caller = await callerOf(replica);
      const review = await caller.begin(STRANGER);
      replica.kill('SIGTERM');
      const { code, tookMs } = await endOf(replica, 1_000 + GRACE_MS + SLACK_MS);
      review.abandon();
      console.log(`ended with ${code} after ${tookMs.toFixed()} ms`);
      assert.equal(code, 0);
    });

    it('for the second time exits at once with code 1', async () => {
      const replica = await startLeader('is-asked-twice', { DRAIN_SECONDS: '60' });
      replica.kill('SIGTERM');
      await untilDraining(replica);
      replica.kill('SIGTERM');
      assert.equal((await endOf(replica, SLACK_MS)).code, 1);
    });

    it('exits with 0 even if the API server does not answer, or has never answered', async () => {
      const front = await startFront();
      const path = await scene.cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers');
      const kubeconfig = join(scene.cluster.dir, 'config', 'nowhere.kubeconfig');
      await front.stop();
      const text = readFileSync(path, 'utf8').replaceAll(
        scene.cluster.server,
        `https://127.0.0.1:${front.port}`,
      );
      writeFileSync(kubeconfig, text, { mode: 0o600 });
      const never = await start('never-answered', { KUBECONFIG: kubeconfig });
      const once_ = await startLeader('answered-once');
      await until('the replica keeps trying', () => logOf(never).includes('no answer from the API server'));
      assert.equal((await never.get('/readyz')).status, 503);
      scene.cluster.signal('kube-apiserver', 'SIGSTOP');
      try {
        never.kill('SIGTERM');
        once_.kill('SIGTERM');
        assert.equal((await endOf(never, DRAIN_MS + SLACK_MS)).code, 0);
        assert.equal((await endOf(once_, DRAIN_MS + SLACK_MS)).code, 0);
      } finally {
        scene.cluster.signal('kube-apiserver', 'SIGCONT');
      }
    });
  });

  describe('serves everything else if its status page', () => {
    const pageOf = (port: number) => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status);

    it('is switched off', async () => {
      const replica = await start('has-no-page', { STATUS_PAGE_PORT: '0' });
      await replica.ready();
      await assert.rejects(pageOf(replica.pagePort));
      assert.doesNotMatch(logOf(replica), /status page/);
      replica.kill('SIGTERM');
      assert.equal((await endOf(replica, DRAIN_MS + SLACK_MS)).code, 0);
    });

    it('cannot get its port', async (t) => {
      const taken = createServer().listen({ port: 0, host: '127.0.0.1', exclusive: true });
      await once(taken, 'listening');
      t.after(() => taken.close());
      const { port } = taken.address() as AddressInfo;
      const replica = await start('finds-page-port-taken', { STATUS_PAGE_PORT: String(port) });
      await replica.ready();
      assert.match(logOf(replica), /EADDRINUSE.*the status page cannot be served; everything else works/);
      replica.kill('SIGTERM');
      assert.equal((await endOf(replica, DRAIN_MS + SLACK_MS)).code, 0);
    });
  });

  describe('that cannot start exits with code 1 and says why, if', () => {
    for (const name of ['HTTP_PORT', 'WEBHOOK_PORT']) {
      it(`its ${name} is taken`, async (t) => {
        const taken = createServer().listen({ port: 0, host: '127.0.0.1', exclusive: true });
        await once(taken, 'listening');
        t.after(() => taken.close());
        const { port } = taken.address() as AddressInfo;
        const replica = await start(`finds-${name.toLowerCase().replace('_', '-')}-taken`, {
          [name]: String(port),
        });
        assert.equal((await endOf(replica, 30_000)).code, 1);
        const said = logOf(replica).split('\n');
        const sentence = said.find((line) => line.includes(`127.0.0.1:${port}`) && !line.startsWith('{'));
        assert.match(sentence ?? said.join('\n'), /^stellar-peers: .*EADDRINUSE/);
        assert.ok(
          !said.some((line) => line.startsWith('    at ')),
          'no stack trace, because this is not a bug',
        );
      });
    }

    for (const [what, text] of [
      ['is not there', undefined],
      ['cannot be read', '{{{'],
    ] as const) {
      it(`its kubeconfig ${what}`, async () => {
        const kubeconfig = join(scene.cluster.dir, 'config', 'unusable.kubeconfig');
        if (text !== undefined) writeFileSync(kubeconfig, text);
        const replica = await start(`kubeconfig-${what.replaceAll(' ', '-')}`, { KUBECONFIG: kubeconfig });
        assert.equal((await endOf(replica, 30_000)).code, 1);
        const said = logOf(replica);
        assert.match(said, /^stellar-peers: .*unusable\.kubeconfig/);
        assert.doesNotMatch(said, /^ {4}at /m);
      });
    }
  });
});
