/** The faults of the soak: in our replicas, certificates and the API server. A fault is over when its promise resolves. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, Secrets } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import type { Rollable } from '../cluster/endpoints.ts';
import type { FaultyProxy } from '../cluster/faulty-proxy.ts';
import { leaderOf } from '../cluster/network.ts';
import { until } from '../cluster/until.ts';
import type { Random } from '../sim/random.ts';

export interface Fault {
  readonly name: string;
  /** True where calls of the API server cannot all succeed: its own end, or that of a replica without notice. */
  readonly mayFail: boolean;
  readonly run: () => Promise<void>;
}

export interface Stage {
  readonly cluster: Cluster;
  readonly ours: Rollable;
  readonly proxy: FaultyProxy;
  readonly random: Random;
}

const SECRET = { resource: Secrets, namespace: 'stellar-peers', name: 'stellar-peers-webhook-cert' };
const CONFIGURATION = { resource: MutatingWebhookConfigurations, name: 'stellar-peers' };
/** Longer than the shortened Lease. */
const FROZEN_MS = 7_000;
const OUTAGE_MS = 10_000;
const STORM_MS = 15_000;
/** The share of calls that fail in a storm. */
const STORM_SHARE = 0.3;
const GARBAGE = Buffer.from('garbage').toString('base64');

export const faultsOn = (stage: Stage): readonly Fault[] => [
  { name: 'rolling restart of our replicas', mayFail: false, run: () => roll(stage) },
  { name: 'Secret deleted', mayFail: false, run: () => stage.cluster.admin.delete(SECRET, {}) },
  { name: 'Secret filled with garbage', mayFail: false, run: () => spoil(stage) },
  { name: '30 % of our calls fail', mayFail: false, run: () => storm(stage) },
  { name: 'caBundle emptied', mayFail: true, run: () => empty(stage) },
  { name: 'leader killed', mayFail: true, run: () => kill(stage) },
  { name: 'replica frozen past the Lease', mayFail: true, run: () => freeze(stage) },
  { name: 'API server down for 10 s', mayFail: true, run: () => outage(stage) },
];

async function roll({ ours }: Stage): Promise<void> {
  const codes = await ours.roll();
  if (codes.some((code) => code !== 0)) throw new Error(`replicas ended with ${codes.join()}`);
}

/** The key of the CA or the certificate: the one ends in a rotation, the other in a repair. */
async function spoil({ cluster, random }: Stage): Promise<void> {
  const key = random.pick(['ca.key', 'tls.crt', 'tls.key', 'ca.crt']);
  await cluster.admin.patch(SECRET, [{ op: 'add', path: `/data/${key}`, value: GARBAGE }]).catch(() => {
    // It is being made anew: as broken as can be.
  });
}

async function storm({ proxy }: Stage): Promise<void> {
  proxy.share = STORM_SHARE;
  await delay(STORM_MS);
  proxy.share = 0;
}

async function empty({ cluster }: Stage): Promise<void> {
  const configuration = (await cluster.admin.get(CONFIGURATION)) as KubeObject;
  const webhooks = structuredClone(configuration.webhooks) as Array<{ clientConfig: { caBundle?: string } }>;
  for (const { clientConfig } of webhooks) clientConfig.caBundle = '';
  const { managedFields: _, resourceVersion: __, ...metadata } = configuration.metadata;
  const { resourceVersion } = configuration.metadata;
  await cluster.admin.replace(CONFIGURATION, {
    ...configuration,
    metadata: { ...metadata, ...(resourceVersion ? { resourceVersion } : {}) },
    webhooks,
  });
  const isFilled = async () => {
    const { webhooks: now } = (await cluster.admin.get(CONFIGURATION)) as unknown as {
      webhooks: Array<{ clientConfig: { caBundle?: string } }>;
    };
    return now.every(({ clientConfig }) => (clientConfig.caBundle ?? '') !== '');
  };
  await until('caBundle is filled again', isFilled, { deadlineMs: 5_000, everyMs: 20 });
}

async function kill({ ours }: Stage): Promise<void> {
  const leader = await leaderOf(ours);
  leader.kill('SIGKILL');
  await leader.exited;
  ours.forgetEnded();
  await ours.add();
}

async function freeze({ ours, random }: Stage): Promise<void> {
  const replica = random.pick(ours.replicas);
  replica.kill('SIGSTOP');
  await delay(FROZEN_MS);
  replica.kill('SIGCONT');
  await replica.ready();
}

async function outage({ cluster, ours }: Stage): Promise<void> {
  await cluster.restartApiServer(() => delay(OUTAGE_MS));
  await Promise.all(ours.replicas.map((replica) => replica.ready()));
}
