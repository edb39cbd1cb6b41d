/**
 * 200 reviews a second while replicas are replaced and certificates change: by the API server's own count, no call fails.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, Secrets } from '../../runtime/kube/resources.ts';
import { bootCluster, type Cluster } from '../cluster/boot.ts';
import { Rollable } from '../cluster/endpoints.ts';
import { type Front, startFront } from '../cluster/front.ts';
import { installManifests } from '../cluster/install.ts';
import { Network } from '../cluster/network.ts';
import { startOperator } from '../cluster/operator.ts';
import { PodWatcher } from '../cluster/pods.ts';
import { SHORT } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import { webhookCalls } from '../cluster/webhook-calls.ts';
import { Load } from '../load/load.ts';

const PER_SECOND = 200;
/** The number of reviews after each action, to find late failures. */
const REVIEWS_AFTER = 3 * PER_SECOND;
const SECRET = { resource: Secrets, namespace: 'stellar-peers', name: 'stellar-peers-webhook-cert' };
const CONFIGURATION = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };
const ENV = {
  ...SHORT,
  DRAIN_SECONDS: '2',
  CERT_LIFETIME_SECONDS: '60',
  CA_LIFETIME_SECONDS: '150',
  CA_OVERLAP_SECONDS: '8',
  CA_RETIRE_SECONDS: '15',
};

describe('at 200 reviews a second', () => {
  let cluster: Cluster;
  let front: Front;
  let ours: Rollable;
  let load: Load;
  const stops: Array<() => Promise<unknown>> = [];

  /** What the Secret holds, as text. */
  async function secret(key: string): Promise<string> {
    const { data } = ((await cluster.admin.get(SECRET)) ?? {}) as { data?: Record<string, string> };
    return Buffer.from(data?.[key] ?? '', 'base64').toString();
  }

  const caBundles = async (): Promise<string[]> => {
    const { webhooks } = (await cluster.admin.get(CONFIGURATION)) as unknown as {
      webhooks: Array<{ clientConfig: { caBundle?: string } }>;
    };
    return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
  };

  /** As a re-apply does that names no CA; resolves to when it was sent. */
  async function emptyCaBundle(): Promise<number> {
    const configuration = (await cluster.admin.get(CONFIGURATION)) as KubeObject;
    const webhooks = structuredClone(configuration.webhooks) as Array<{
      clientConfig: { caBundle?: string };
    }>;
    for (const { clientConfig } of webhooks) clientConfig.caBundle = '';
    const { managedFields: _, ...metadata } = configuration.metadata;
    const sentAtMs = Date.now();
    await cluster.admin.replace(CONFIGURATION, { ...configuration, metadata, webhooks });
    return sentAtMs;
  }

  const authorities = (pem: string) => pem.match(/BEGIN CERTIFICATE/g)?.length ?? 0;

  /** `action`, and some hundred reviews after it; rejects if a single call failed meanwhile. */
  async function without(action: () => Promise<unknown>): Promise<void> {
    const [before, counted] = [await webhookCalls(cluster), load.counts];
    await action();
    await load.untilAnswered(REVIEWS_AFTER);
    const [after, count] = [await webhookCalls(cluster), load.counts];
    const { misses } = load;
    assert.ok(after.called - before.called > 100, `only ${after.called - before.called} calls`);
    assert.deepEqual(
      {
        failedOpen: after.failedOpen - before.failedOpen,
        rejected: after.rejected - before.rejected,
        bare: count.bare - counted.bare,
        refused: count.refused - counted.refused,
      },
      { failedOpen: 0, rejected: 0, bare: 0, refused: 0 },
      JSON.stringify(misses.slice(-3)),
    );
  }

  before(async () => {
    cluster = await bootCluster();
    stops.unshift(() => cluster.stop());
    front = await startFront();
    stops.unshift(() => front.stop());
    const operator = startOperator(cluster.admin);
    stops.unshift(() => operator.stop());
    const pods = new PodWatcher(cluster.admin, 'stellar.org/node-type=Validator');
    stops.unshift(() => pods.stop());
    await installManifests(cluster, { webhookUrl: `https://127.0.0.1:${front.port}/mutate-pods` });
    ours = new Rollable(cluster, front, { env: ENV });
    stops.unshift(() => ours.stop());
    await Promise.all([ours.add(), ours.add()]);
    const scene = { cluster, pods } as ConstructorParameters<typeof Network>[0];
    await new Network(scene, 'stellar').foundUpToDate();
    load = await Load.start(cluster, { namespace: 'stellar', name: 'validator-1' }, PER_SECOND);
    stops.unshift(() => load.stop());
  });
  after(async () => {
    for (const stop of stops) await stop();
  });

  it('nothing fails while nothing happens', () => without(() => load.untilAnswered(2 * PER_SECOND)));

  it('nothing fails through two rolling restarts of our replicas, which all end with 0', () =>
    without(async () => {
      assert.deepEqual(await ours.roll(), [0, 0]);
      assert.deepEqual(await ours.roll(), [0, 0]);
    }));

  it('nothing fails through a rotation of the certificate', () =>
    without(async () => {
      const former = await secret('tls.crt');
      await until('the certificate is another', async () => (await secret('tls.crt')) !== former, {
        deadlineMs: 90_000,
      });
    }));

  it('nothing fails through a rotation of the CA; old and new are trusted together', () =>
    without(async () => {
      await until(
        'old and new CA are in caBundle',
        async () => authorities((await caBundles()).join('')) >= 2,
        {
          deadlineMs: 180_000,
        },
      );
      await until('the former CA is gone', async () => authorities((await caBundles()).join('')) === 1, {
        deadlineMs: 90_000,
      });
    }));

  it('nothing fails when the Secret is deleted, or filled with garbage', () =>
    without(async () => {
      const former = await secret('ca.crt');
      await cluster.admin.delete(SECRET, {});
      await until('there is another CA', async () => ![former, ''].includes(await secret('ca.crt')));
      await until('its certificate is served', async () => authorities(await secret('ca.crt')) === 1, {
        deadlineMs: 90_000,
      });
      const value = Buffer.from('garbage').toString('base64');
      await cluster.admin.patch(SECRET, [{ op: 'replace', path: '/data/tls.crt', value }]);
      await until('the certificate is repaired', async () => (await secret('tls.crt')).includes('BEGIN'));
    }));

  it('a re-apply that empties caBundle is repaired within seconds, and nothing fails before or after', async () => {
    const missesBefore = load.misses.length;
    // Our replicas write to it too, and may come in between.
    const emptiedAtMs = await until('it is applied', emptyCaBundle);
    await until('caBundle is there again', async () => (await caBundles()).every((pem) => pem !== ''), {
      everyMs: 5,
    });
    const repairedAtMs = Date.now();
    // A second of it our replicas may be deaf for, after the writes of the last minute (certs/cabundle.ts).
    assert.ok(repairedAtMs - emptiedAtMs < 3_000, `repaired after ${repairedAtMs - emptiedAtMs} ms`);
    await load.untilAnswered(2 * PER_SECOND);
    const late = load.misses.slice(missesBefore).filter(({ atMs }) => atMs > repairedAtMs + 1_000);
    assert.deepEqual(late, []);
    await without(() => load.untilAnswered(PER_SECOND));
  });

  it('calls fail and are counted when our server is killed, so these tests read the right counters', async () => {
    const before = await webhookCalls(cluster);
    for (const replica of ours.replicas) replica.kill('SIGKILL');
    await Promise.all(ours.replicas.map((replica) => replica.exited));
    await until(
      'calls fail open',
      async () => (await webhookCalls(cluster)).failedOpen > before.failedOpen + 20,
    );
    assert.ok(load.counts.bare > 20);
    await cluster.admin.patch(CONFIGURATION, [
      { op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Fail' },
    ]);
    await until(
      'pods are rejected',
      async () => (await webhookCalls(cluster)).rejected > before.rejected + 20,
    );
    assert.ok(load.counts.refused > 20);
    ours.forgetEnded();
  });
});
