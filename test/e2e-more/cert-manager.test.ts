/**
 * Certificates by cert-manager's own controllers, from the Issuer to the trust of the API server: renewed, deleted, late
 * and broken. Meanwhile there are 200 reviews a second, and by the API server's count none of them fails.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations } from '../../runtime/kube/resources.ts';
import { ourRefusals, ourRequests } from '../cluster/audit.ts';
import { bootCluster, type Cluster } from '../cluster/boot.ts';
import { type Front, startFront } from '../cluster/front.ts';
import { installManifests } from '../cluster/install.ts';
import { Network } from '../cluster/network.ts';
import { startOperator } from '../cluster/operator.ts';
import { PodWatcher } from '../cluster/pods.ts';
import { type Replica, startReplica } from '../cluster/replica.ts';
import { SHORT } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import { webhookCalls } from '../cluster/webhook-calls.ts';
import { Load } from '../load/load.ts';
import { DAY_MS, goodContent } from '../unit/certs/managed-world.ts';
import { filesOf } from '../unit/certs/mounted-world.ts';
import {
  CA,
  CA_SECRET,
  CertManager,
  defineCertificates,
  fingerprintOf,
  INTERMEDIATE,
  LEAF,
  LEAF_SECRET,
} from './cert-manager.ts';
import { type Mount, Mounts } from './mounts.ts';
import { CaBundleWatcher, lapses, servedBy } from './trusted.ts';

const OVERLAY = join(import.meta.dirname, '../../manifests/cert-manager');
const VALIDATORS = ['validator-1', 'validator-2', 'validator-3'];
const PER_SECOND = 200;
/** The number of reviews after each action, to find late failures. */
const REVIEWS_AFTER = 3 * PER_SECOND;
/** What is repaired for so long is not written back by an earlier reader. */
const REPAIRED_MS = 3_000;
/** The time from a replica's readiness until it gets connections, and from its end until it gets none. */
const ROUTED_MS = 700;
/** A CA is trusted for 5 s before its certificate is served, less the delay of our own watch. */
const TRUSTED_MS_MIN = 4_000;
/** The time from a failed call until the next answer for its pod, on a busy machine. */
const ANSWER_MS_MAX = 1_000;
const CONFIGURATION = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };

describe('with certificates by cert-manager, at 200 reviews a second', () => {
  let cluster: Cluster;
  let front: Front;
  let certManager: CertManager;
  let mounts: Mounts;
  let caBundle: CaBundleWatcher;
  let load: Load;
  let webhookUrl: string;
  /** The manifests as they were applied. */
  let applied: string;
  let ours: Array<{ readonly replica: Replica; readonly mount: Mount }> = [];
  let startedCount = 0;
  const stops: Array<() => Promise<unknown>> = [];

  const route = () => front.setBackends(ours.map(({ replica }) => replica.webhookPort));

  /** One more replica, with files of its own. */
  async function start(): Promise<void> {
    startedCount += 1;
    const name = `stellar-peers-${startedCount}`;
    const mount = await mounts.add();
    const env = { ...SHORT, DRAIN_SECONDS: '2', CERT_DIR: mount.folder };
    const replica = await startReplica(cluster, { name, env });
    await replica.ready();
    ours.push({ replica, mount });
    await delay(ROUTED_MS);
    route();
  }

  /** Ends the one that was started last. */
  async function end(): Promise<void> {
    const last = ours.at(-1);
    ours = ours.slice(0, -1);
    last?.replica.kill('SIGTERM');
    await delay(ROUTED_MS);
    route();
    await last?.replica.exited;
  }

  const caNow = async (): Promise<string> => fingerprintOf(await certManager.pem(CA_SECRET, 'tls.crt'));
  const leafNow = async (): Promise<string> => fingerprintOf(await certManager.pem(LEAF_SECRET, 'tls.crt'));
  const intermediateNow = async (): Promise<string> =>
    fingerprintOf(await certManager.pem(INTERMEDIATE, 'tls.crt'));

  /** Until all of these serve that certificate, on new connections; with how long that took. */
  async function untilServed(leaf: string, by: readonly (typeof ours)[number][] = ours): Promise<number> {
    const sinceMs = performance.now();
    await until('all serve the new certificate', async () => {
      const served = await Promise.all(by.map(({ replica }) => servedBy(replica.webhookPort)));
      return served.every((one) => one === leaf);
    });
    return performance.now() - sinceMs;
  }

  /** `action`, and some hundred reviews after it; rejects if a single call failed meanwhile. */
  async function without(t: TestContext, action: () => Promise<unknown>): Promise<void> {
    const [before, counted, sinceMs] = [await webhookCalls(cluster), load.counts, performance.now()];
    await action();
    await load.untilAnswered(REVIEWS_AFTER);
    const [after, count] = [await webhookCalls(cluster), load.counts];
    const called = after.called - before.called;
    const failures = {
      failedOpen: after.failedOpen - before.failedOpen,
      rejected: after.rejected - before.rejected,
      bare: count.bare - counted.bare,
      refused: count.refused - counted.refused,
    };
    const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1);
    t.diagnostic(`${called} calls in ${seconds} s; failures: ${JSON.stringify(failures)}`);
    const none = { failedOpen: 0, rejected: 0, bare: 0, refused: 0 };
    assert.deepEqual(failures, none, JSON.stringify(load.misses.slice(-3)));
    assert.ok(called > 100, `only ${called} calls`);
  }

  /** A CA was trusted long enough when it was first seen to be used. */
  function assertWaited(t: TestContext, authority: string, servedAtMs = Date.now()): void {
    const trustedMs = servedAtMs - (caBundle.trustedSinceMs(authority) ?? servedAtMs);
    t.diagnostic(`its CA was in caBundle for ${trustedMs} ms before all served it`);
    assert.ok(trustedMs > TRUSTED_MS_MIN, `trusted for ${trustedMs} ms only`);
  }

  /**
   * Applies our webhook configuration so that caBundle is empty, twice; rejects if it takes longer than that until it
   * names these CAs again.
   */
  async function emptied(t: TestContext, authorities: readonly string[], withinMs = 1_000): Promise<void> {
    const [from, missesBefore] = [caBundle.history.length, load.misses.length];
    const documents = parseAllDocuments(applied).map((document) => document.toJS() as KubeObject);
    const yaml = stringify(documents.find(({ kind }) => kind === CONFIGURATION.resource.kind));
    // kubectl reads before it writes, and a repair may come in between.
    const empty = () =>
      until('it is applied', async () => (await cluster.kubectl(['replace', '-f', '-'], yaml)) !== '');
    await empty();
    await empty();
    const trustedForMs = (one: string) => Date.now() - (caBundle.trustedSinceMs(one) ?? Date.now());
    await until('caBundle names them again for good', () =>
      authorities.every((one) => trustedForMs(one) > REPAIRED_MS),
    );
    const states = caBundle.history.slice(from);
    const atMs = states.filter((seen) => seen.authorities.length === 0).map((seen) => seen.atMs);
    const [firstMs = 0, lastMs = 0] = [atMs.at(0), atMs.at(-1)];
    const missed = load.misses.slice(missesBefore).map((miss) => miss.atMs - lastMs);
    const story = states
      .map((seen) => `${seen.authorities.length} CAs at ${seen.atMs - firstMs} ms`)
      .join(', ');
    t.diagnostic(`${story}; missed: ${missed.length}, the last ${missed.at(-1) ?? 0} ms after the last time`);
    assert.ok(atMs.length > 0, `it was never empty: ${story}`);
    const lapsesMs = lapses(states, authorities);
    assert.ok(Math.max(...lapsesMs) < withinMs, `not all there for ${lapsesMs.join(' and ')} ms: ${story}`);
    assert.ok((missed.at(-1) ?? 0) < withinMs + ANSWER_MS_MAX, `a call failed ${missed.at(-1)} ms later`);
  }

  before(async () => {
    cluster = await bootCluster({ nodes: 5 });
    stops.unshift(() => cluster.stop());
    front = await startFront();
    stops.unshift(() => front.stop());
    webhookUrl = `https://127.0.0.1:${front.port}/mutate-pods`;
    await defineCertificates(cluster);
    applied = await installManifests(cluster, { webhookUrl, folder: OVERLAY });
    // There is no Service here: we are called at an address.
    const spec = JSON.stringify({ spec: { ipAddresses: ['127.0.0.1'] } });
    await cluster.kubectl(['-n', 'stellar-peers', 'patch', 'certificate', LEAF, '--type=merge', '-p', spec]);
    caBundle = new CaBundleWatcher(cluster);
    stops.unshift(() => caBundle.stop());
    mounts = new Mounts(cluster, LEAF_SECRET);
    stops.unshift(() => mounts.stop());
    certManager = new CertManager(cluster);
    const operator = startOperator(cluster.admin);
    stops.unshift(() => operator.stop());
    const pods = new PodWatcher(cluster.admin, 'stellar.org/node-type=Validator');
    stops.unshift(() => pods.stop());
    await Promise.all([start(), start()]);
    stops.unshift(async () => {
      while (ours.length > 0) await end();
    });
    await new Network({ cluster, pods } as ConstructorParameters<typeof Network>[0], 'stellar').foundUpToDate(
      VALIDATORS,
    );
    load = await Load.start(cluster, { namespace: 'stellar', name: 'validator-1' }, PER_SECOND);
    stops.unshift(() => load.stop());
  });
  after(async () => {
    for (const stop of stops) await stop();
  });

  it('the certificate of cert-manager is served and trusted', (t) =>
    without(t, async () => {
      await untilServed(await leafNow());
      assert.deepEqual(caBundle.now, [await caNow()]);
    }));

  it('nothing fails when the certificate is renewed', (t) =>
    without(t, async () => {
      const [ca, states] = [await caNow(), caBundle.history.length];
      const issuedMs = await certManager.renew(LEAF);
      const servedMs = await untilServed(await leafNow());
      t.diagnostic(`in the Secret after ${issuedMs.toFixed()} ms, served ${servedMs.toFixed()} ms later`);
      assert.deepEqual(caBundle.now, [ca]);
      assert.equal(caBundle.history.length, states, 'the configuration was not touched');
    }));

  it('nothing fails when the CA is renewed, and the certificate at once after it', (t) =>
    without(t, async () => {
      const former = await caNow();
      const issuedMs = await certManager.renew(CA);
      const ca = await caNow();
      await certManager.renewLeafOfNewCa();
      const servedMs = await untilServed(await leafNow());
      t.diagnostic(`CA in the Secret after ${issuedMs.toFixed()} ms, served ${servedMs.toFixed()} ms later`);
      assertWaited(t, ca);
      assert.ok(caBundle.trusts(former, ca));
    }));

  it('nothing fails when cainjector is stopped meanwhile: we add the CA, without repeated writes against cainjector', (t) =>
    without(t, async () => {
      const states = caBundle.history.length;
      certManager.cainjector.kill('SIGSTOP');
      try {
        await certManager.renewBoth();
        await untilServed(await leafNow());
        assertWaited(t, await caNow());
      } finally {
        certManager.cainjector.kill('SIGCONT');
      }
      await load.untilAnswered(2 * PER_SECOND);
      assert.ok(caBundle.trusts(await caNow()));
      const writes = caBundle.history.length - states;
      assert.ok(writes <= 4, `${writes} writes`);
    }));

  it('nothing fails when a new replica begins with files that the others do not have yet', (t) =>
    without(t, async () => {
      for (const { mount } of ours) mount.hold();
      certManager.cainjector.kill('SIGSTOP');
      try {
        await certManager.renewBoth();
        await start();
        assert.equal(await servedBy(ours.at(-1)?.replica.webhookPort ?? 0), await leafNow());
        await load.untilAnswered(2 * PER_SECOND);
      } finally {
        certManager.cainjector.kill('SIGCONT');
        for (const { mount } of ours) mount.release();
      }
      await untilServed(await leafNow());
      await end();
    }));

  it('a re-apply changes nothing, and nothing fails', (t) =>
    without(t, async () => {
      const states = caBundle.history.length;
      await installManifests(cluster, { webhookUrl, folder: OVERLAY });
      await load.untilAnswered(PER_SECOND / 2);
      assert.equal(caBundle.history.length, states);
    }));

  it('a re-apply that empties caBundle is repaired within a second', async (t) => {
    await emptied(t, [await caNow()]);
    await without(t, async () => {});
  });

  it('an emptied caBundle is repaired without cainjector too', async (t) => {
    certManager.cainjector.kill('SIGSTOP');
    try {
      await emptied(t, [await caNow()]);
    } finally {
      certManager.cainjector.kill('SIGCONT');
    }
    await without(t, async () => {});
  });

  it('an emptied caBundle is repaired within seconds during a rotation, also for a replica with files of the former CA', async (t) => {
    const [first, late] = ours;
    assert.ok(first && late);
    const former = await caNow();
    late.mount.hold();
    try {
      await without(t, async () => {
        await certManager.renewBoth();
        await untilServed(await leafNow(), [first]);
      });
      // cainjector writes back what it has read before us; who comes last depends on how fast each of us is.
      await emptied(t, [former, await caNow()], 5_000);
    } finally {
      late.mount.release();
    }
    await without(t, async () => untilServed(await leafNow()));
  });

  it('nothing fails when the Secrets are deleted', (t) =>
    without(t, async () => {
      const leafMs = await certManager.remove(LEAF_SECRET);
      await untilServed(await leafNow());
      const caMs = await certManager.remove(CA_SECRET);
      await certManager.renewLeafOfNewCa();
      await untilServed(await leafNow());
      assertWaited(t, await caNow());
      t.diagnostic(
        `there was another leaf after ${leafMs.toFixed()} ms, another CA after ${caMs.toFixed()} ms`,
      );
    }));

  it('nothing fails when an intermediate CA signs the certificate', (t) =>
    without(t, async () => {
      await certManager.makeIntermediate();
      await certManager.signBy(INTERMEDIATE);
      await untilServed(await leafNow());
      assert.deepEqual(await certManager.chain(), { behind: 1, authorities: [await caNow()] });
    }));

  it('nothing fails when a foreign intermediate CA signs the certificate, with or without its root', (t) =>
    without(t, async () => {
      const root = await certManager.pem(CA_SECRET, 'tls.crt');
      await certManager.bringIntermediate('with-root', root);
      await certManager.signBy('with-root');
      await untilServed(await leafNow());
      assert.deepEqual(await certManager.chain(), { behind: 1, authorities: [fingerprintOf(root)] });
      await certManager.bringIntermediate('without-root', '');
      await certManager.signBy('without-root');
      await untilServed(await leafNow());
      assert.deepEqual(await certManager.chain(), { behind: 1, authorities: [await intermediateNow()] });
    }));

  it('nothing fails if caBundle holds only the intermediate CA', async (t) => {
    certManager.cainjector.kill('SIGSTOP');
    try {
      // How soon is held above; here it is whom the API server trusts.
      await emptied(t, [await intermediateNow()], 5_000);
      assert.deepEqual(caBundle.now, [await intermediateNow()]);
      await without(t, async () => {});
    } finally {
      certManager.cainjector.kill('SIGCONT');
    }
  });

  it('nothing fails when the root is renewed, then the intermediate CA, then the certificate', (t) =>
    without(t, async () => {
      const former = await caNow();
      await certManager.signBy(INTERMEDIATE);
      for (const each of [CA, INTERMEDIATE, LEAF]) await certManager.renew(each);
      await untilServed(await leafNow());
      assert.ok(caBundle.trusts(former, await caNow()), 'both roots are trusted');
    }));

  it('nothing fails when the certificate signs itself, and when a CA signs it again', (t) =>
    without(t, async () => {
      await certManager.signBy('stellar-peers-self-signed');
      await untilServed(await leafNow());
      assert.deepEqual(await certManager.chain(), { behind: 0, authorities: [await leafNow()] });
      assertWaited(t, await leafNow());
      await certManager.renew(LEAF);
      await untilServed(await leafNow());
      await certManager.signBy(CA);
      await untilServed(await leafNow());
    }));

  it('nothing fails while the files cannot be used: the fault is logged, and the last good files are served', (t) =>
    without(t, async () => {
      const other = filesOf(await goodContent(Date.now()));
      const expired = filesOf(await goodContent(Date.now() - 400 * DAY_MS));
      const [{ replica, mount } = assert.fail()] = ours;
      const leaf = await servedBy(replica.webhookPort);
      const said = () =>
        [
          ...readFileSync(replica.logPath, 'utf8').matchAll(/"reason":"(\w+)".*last good one stays in use/g),
        ].map(([, reason]) => reason);
      const SPOILT = [
        ['KeyMismatch', (files) => ({ ...files, 'tls.key': other['tls.key'] ?? '' })],
        ['WrongIssuer', (files) => ({ ...files, 'ca.crt': other['ca.crt'] ?? '' })],
        ['Unreadable', (files) => ({ ...files, 'tls.crt': files['tls.crt']?.slice(0, 300) ?? '' })],
        ['Empty', (files) => ({ ...files, 'tls.crt': '' })],
        ['Empty', ({ 'ca.crt': _, ...files }) => files],
        ['Expired', () => expired],
      ] satisfies Array<[string, Parameters<Mount['spoil']>[0]]>;
      for (const [index, [reason, change]] of SPOILT.entries()) {
        mount.spoil(change);
        await until(`${reason} is said`, () => said().length > index);
        assert.equal(said().at(-1), reason);
        assert.equal(await servedBy(replica.webhookPort), leaf);
      }
      mount.release();
      await certManager.renew(LEAF);
      await untilServed(await leafNow());
    }));

  it('our replicas have read no Secret, and no request was refused', async () => {
    const requests = ourRequests(await cluster.audit());
    assert.ok(requests.length > 0);
    assert.deepEqual(
      requests.filter(({ resource }) => resource === 'secrets'),
      [],
    );
    assert.deepEqual(ourRefusals(await cluster.audit()), []);
  });

  it('nothing fails if caBundle cannot be written: the certificate of a new CA waits until it can', async (t) => {
    const former = await leafNow();
    const read = ({ logPath }: Replica) =>
      readFileSync(logPath, 'utf8').match(/certificate read from its files/g)?.length ?? 0;
    const before = ours.map(({ replica }) => read(replica));
    certManager.cainjector.kill('SIGSTOP');
    try {
      await mayDo(['get', 'list', 'watch']);
      await without(t, async () => {
        await certManager.renewBoth();
        await until('all have read it', () =>
          ours.every(({ replica }, index) => read(replica) > (before[index] ?? 0)),
        );
        await reconnect();
      });
      await untilServed(former);
      await without(t, async () => {
        await mayDo(['get', 'list', 'watch', 'patch']);
        await untilServed(await leafNow());
        assertWaited(t, await caNow());
      });
    } finally {
      certManager.cainjector.kill('SIGCONT');
    }
  });

  /** What we may do with our webhook configuration from now on. */
  async function mayDo(verbs: readonly string[]): Promise<void> {
    const role = await cluster.kubectl(['get', 'clusterrole', 'stellar-peers', '-o', 'json']);
    const { rules } = JSON.parse(role) as { rules: Array<{ resources: string[]; verbs: readonly string[] }> };
    for (const rule of rules) if (rule.resources.includes(CONFIGURATION.resource.plural)) rule.verbs = verbs;
    const patch = JSON.stringify({ rules });
    await cluster.kubectl(['patch', 'clusterrole', 'stellar-peers', '--type=merge', '-p', patch]);
  }

  /** Another caBundle makes the API server open new connections, even if it means the same. */
  async function reconnect(): Promise<void> {
    const { webhooks } = (await cluster.admin.get(CONFIGURATION)) as unknown as {
      webhooks: Array<{ clientConfig: { caBundle: string } }>;
    };
    const operations = webhooks.map(({ clientConfig }, index) => {
      const value = Buffer.from(`${Buffer.from(clientConfig.caBundle, 'base64')}\n`).toString('base64');
      return { op: 'replace', path: `/webhooks/${index}/clientConfig/caBundle`, value } as const;
    });
    await cluster.admin.patch(CONFIGURATION, operations);
  }
});
