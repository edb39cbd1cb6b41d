/**
 * Our server as it is shipped, on a real control plane with three validators at rest: the bundle, one replica, which
 * leads too. Owns its start, the changes that keep the reconciler publishing, and its end.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority, issueLeaf } from '../../certs/authority.ts';
import { StatefulSets, StellarNodes } from '../../runtime/kube/resources.ts';
import { startReplica } from '../cluster/replica.ts';
import { createScene, createValidator, podNow, type Scene } from '../cluster/scene.ts';
import { metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { askOnce } from './first.ts';
import { reviewBody } from './review.ts';

const NAMESPACE = 'stellar';
const MEASURED = ['validator-1', 'validator-2', 'validator-3'];
const MOVING = ['mover-1', 'mover-2', 'mover-3'];
const CHANGES_PER_SECOND = 10;
/** The scene shortens these for tests; a server under load has what is shipped. */
const SHIPPED = {
  LEASE_DURATION_SECONDS: '15',
  REQUEST_TIMEOUT_SECONDS: '5',
  STABILIZATION_SECONDS: '30',
  MIN_READY_SECONDS: '300',
};
/** As the image starts it. */
const PROGRAM = ['--max-semi-space-size=4', 'dist/stellar-peers.mjs', 'run'];

/** Where things are that servers and generator read. */
export interface Files {
  readonly body: string;
  /** The same review with the pod's managedFields. */
  readonly managedBody: string;
  readonly answer: string;
  readonly cert: string;
  readonly key: string;
}

export interface Stage {
  readonly scene: Scene;
  readonly files: Files;
  readonly server: { readonly pid: number; readonly url: string };
  /** How long another replica takes from its start until it is ready, and for its first reviews, in ms. */
  startAnother(): Promise<{ readyMs: number; reviewsMs: number[] }>;
  /** Changes 10 things a second that must be published, until the returned function is called: it tells how many were. */
  keepPublishing(): () => Promise<{ changes: number; writes: number; seconds: number }>;
  stop(): Promise<void>;
}

export async function createStage(): Promise<Stage> {
  const scene = await createScene({ replicas: 1, program: PROGRAM, env: SHIPPED });
  const { cluster } = scene;
  const { replicas } = await scene.start();
  const [replica] = replicas;
  if (!replica) throw new Error('there is no replica');
  await cluster.createNamespace(NAMESPACE);
  await Promise.all(MEASURED.map((name) => createValidator(scene, name)));
  await scene.pods.until('all are Ready', (pods) =>
    MEASURED.every((name) => pods.isReady(`${NAMESPACE}/${name}-0`)),
  );
  const server = { pid: replica.pid, url: `https://127.0.0.1:${replica.webhookPort}/mutate-pods` };
  const files = await writeFiles(scene, server.url);
  return {
    ...{ scene, files, server },
    startAnother: async () => {
      const startedAtMs = performance.now();
      const another = await startReplica(cluster, { name: 'another', program: PROGRAM, env: SHIPPED });
      const url = `https://127.0.0.1:${another.webhookPort}/mutate-pods`;
      await until('another replica is ready', async () => (await another.get('/readyz')).status === 200, {
        everyMs: 5,
      });
      const readyMs = performance.now() - startedAtMs;
      const reviewsMs = [];
      for (let index = 0; index < 3; index += 1) reviewsMs.push((await askOnce(url, files.body)).tookMs);
      another.kill('SIGKILL');
      await another.exited;
      return { readyMs, reviewsMs };
    },
    keepPublishing: () => keepPublishing(scene),
    stop: () => scene.stop(),
  };
}

/** The body to send, what our server answers to it, and a certificate of the same kind for the others. */
async function writeFiles(scene: Scene, url: string): Promise<Files> {
  const folder = join(scene.cluster.dir, 'bench');
  mkdirSync(folder);
  const path = (name: string) => join(folder, name);
  const [body, managedBody, answer] = [path('body'), path('managed-body'), path('answer')];
  const [cert, key] = [path('cert'), path('key')];
  const ref = { resource: StatefulSets, namespace: NAMESPACE, name: 'validator-1' };
  const set = await until('there is a StatefulSet', () => scene.cluster.admin.get(ref));
  const owner = { namespace: NAMESPACE, name: ref.name, uid: set.metadata.uid ?? '' };
  writeFileSync(body, reviewBody(owner, { managedFields: false }));
  writeFileSync(managedBody, reviewBody(owner, { managedFields: true }));
  const asked = await until('the network is at rest', async () => {
    const first = await askOnce(url, body);
    const stamp = (await podNow(scene, 'validator-1-0'))?.metadata.annotations?.['stellar.org/peer-hash'];
    const { patch = '' } = JSON.parse(first.text).response;
    const isCurrent = stamp && Buffer.from(patch, 'base64').toString().includes(stamp);
    return isCurrent && first.tookMs < 100 ? first : undefined;
  });
  writeFileSync(answer, asked.text);
  const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 86_400_000 };
  const leaf = await issueLeaf(await createAuthority(validity), { ...validity, hosts: ['127.0.0.1'] });
  writeFileSync(cert, leaf.certPem);
  writeFileSync(key, leaf.keyPem);
  return { body, managedBody, answer, cert, key };
}

/**
 * A second network in the same namespace whose validators move all the time: each move is written to the ConfigMap that
 * holds the views of the measured ones too. An address is no membership, so no pod is held or restarted for it.
 */
function keepPublishing(scene: Scene): () => Promise<{ changes: number; writes: number; seconds: number }> {
  const { admin } = scene.cluster;
  const replicas = scene.replicas?.replicas ?? [];
  const stopped = new AbortController();
  const written = () => metricOf(replicas, 'stellar_peers_configmap_writes_total');
  const startedAtMs = performance.now();
  const running = (async () => {
    const spec = { customNetworkPassphrase: 'Movers ; November 2026' };
    await Promise.all(MOVING.map((name) => createValidator(scene, name, { spec }).catch(() => undefined)));
    const before = await written();
    let changes = 0;
    while (!stopped.signal.aborted) {
      const name = MOVING[changes % MOVING.length] ?? '';
      const metadata = { annotations: { 'stellar.org/peer-address': `moved-${changes}.example.org:11625` } };
      const ref = { resource: StellarNodes, namespace: NAMESPACE, name };
      await admin.apply(ref, { metadata: { ...metadata, name } }, { manager: 'bench', force: true });
      changes += 1;
      const dueMs = startedAtMs + (changes * 1000) / CHANGES_PER_SECOND;
      await delay(Math.max(0, dueMs - performance.now()));
    }
    const seconds = (performance.now() - startedAtMs) / 1000;
    return { changes, writes: (await written()) - before, seconds };
  })();
  return () => {
    stopped.abort();
    return running;
  };
}
