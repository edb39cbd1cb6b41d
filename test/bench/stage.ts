/**
 * Our server as shipped, on a real control plane with three up-to-date validators: the bundle, with one replica that also
 * leads. Owns its start and its end.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issueLeaf } from '../../certs/authority.ts';
import { StatefulSets } from '../../runtime/kube/resources.ts';
import { startReplica } from '../cluster/replica.ts';
import { createScene, createValidator, podNow, type Scene } from '../cluster/scene.ts';
import { until } from '../cluster/until.ts';
import { askOnce } from './first.ts';
import { reviewBody } from './review.ts';

const NAMESPACE = 'stellar';
const MEASURED = ['validator-1', 'validator-2', 'validator-3'];
/** The shipped values of settings that the scene shortens for tests. */
const SHIPPED = {
  LEASE_DURATION_SECONDS: '15',
  REQUEST_TIMEOUT_SECONDS: '5',
  STABILIZATION_SECONDS: '30',
  MIN_READY_SECONDS: '300',
};
/** As the image starts it. */
const PROGRAM = ['--max-semi-space-size=4', 'dist/stellar-peers.mjs', 'run'];

/** The files that servers and generator read. */
export interface Files {
  readonly body: string;
  readonly answer: string;
  readonly cert: string;
  readonly key: string;
}

export interface Stage {
  readonly scene: Scene;
  readonly files: Files;
  readonly server: { readonly pid: number; readonly url: string };
  /** How long another replica takes from its start until it is ready, in ms. */
  startAnother(): Promise<number>;
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
      await until('another replica is ready', async () => (await another.get('/readyz')).status === 200, {
        everyMs: 5,
      });
      const readyMs = performance.now() - startedAtMs;
      another.kill('SIGKILL');
      await another.exited;
      return readyMs;
    },
    stop: () => scene.stop(),
  };
}

/** Writes the body to send, the answer of our server, and a certificate of the same kind for bare.ts. */
async function writeFiles(scene: Scene, url: string): Promise<Files> {
  const folder = join(scene.cluster.dir, 'bench');
  mkdirSync(folder);
  const path = (name: string) => join(folder, name);
  const [body, answer, cert, key] = [path('body'), path('answer'), path('cert'), path('key')];
  const ref = { resource: StatefulSets, namespace: NAMESPACE, name: 'validator-1' };
  const set = await until('there is a StatefulSet', () => scene.cluster.admin.get(ref));
  const owner = { namespace: NAMESPACE, name: ref.name, uid: set.metadata.uid ?? '' };
  writeFileSync(body, reviewBody(owner));
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
  return { body, answer, cert, key };
}
