/** A foreign webhook that refuses our writes: the refusal is reported, and the write is not repeated at once. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type AuditEntry, ourRequests } from '../cluster/audit.ts';
import { Network } from '../cluster/network.ts';
import { createPki } from '../cluster/pki.ts';
import type { Scene } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const NAMESPACE = 'by-webhook';
const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];
/** Many times the backoff after a plain failure: within this time, a refused restart must not be tried again. */
const AHEAD_MS = 6_000;
/** One attempt for each of two validators, and one more for each if another leader took over. */
const ATTEMPTS_MAX = 4;

const RULES = [
  { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['statefulsets'], operations: ['UPDATE'] },
];
const RESTARTS = "'stellar.org/peer-restart' in object.spec.template.metadata.?annotations.orValue({})";

/** A webhook that refuses every request, without a code. */
async function startRefuser(): Promise<{
  readonly server: Server;
  readonly configuration: object;
}> {
  const { caPem, certPem, keyPem } = createPki();
  const server = createServer({ cert: certPem, key: keyPem }, (incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } };
      const response = { uid: request.uid, allowed: false, status: { message: 'no restarts on Fridays' } };
      answer.setHeader('content-type', 'application/json');
      answer.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const webhook = {
    name: 'house.example.org',
    clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(caPem).toString('base64') },
    rules: RULES,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': NAMESPACE } },
    matchConditions: [{ name: 'restarts', expression: RESTARTS }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  return {
    server,
    configuration: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'house' },
      webhooks: [webhook],
    },
  };
}

describe('a restart that a webhook of others refuses', () => {
  let scene: Scene;
  let refuser: Awaited<ReturnType<typeof startRefuser>>;

  before(async () => {
    refuser = await startRefuser();
    scene = await sharedScene();
    await scene.start();
  });
  after(async () => {
    await scene?.stop();
    refuser?.server.close();
  });

  /** Our requests to restart. Requests that failed with 409 do not count, because no policy was asked for them. */
  const bumps = async (): Promise<AuditEntry[]> =>
    ourRequests(await scene.cluster.audit())
      .filter(({ code }) => code !== 409)
      .filter(({ resource, verb }) => resource === 'statefulsets' && verb === 'patch')
      .filter(({ namespace }) => namespace === NAMESPACE);

  /** Waits until the webhook also refuses a restart by an administrator. */
  const untilInForce = () =>
    until('the webhook refuses', async () => {
      const metadata = { annotations: { 'stellar.org/peer-restart': 'x' } };
      const patch = JSON.stringify({ spec: { template: { metadata } } });
      const args = ['patch', 'statefulset', TWO[0] ?? '', '-n', NAMESPACE, '--dry-run=server'];
      const said = await scene.cluster.kubectl([...args, '--type=merge', '-p', patch]).catch(String);
      return said.includes('Fridays');
    });

  it('is reported as RefusedByPolicy if the webhook gives no code, and is not tried again at once', async () => {
    const { cluster, replicas } = scene;
    const network = await new Network(scene, NAMESPACE).foundUpToDate(TWO);
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(refuser.configuration));
    await untilInForce();
    await network.add('validator-3');
    await network.untilReady(THREE);
    const told = await until('an Event reports the refusal', async () =>
      (await eventsIn(cluster, NAMESPACE)).find(({ reason }) => reason === 'RefusedByPolicy'),
    );
    assert.equal(told.type, 'Warning');
    assert.match(told.note, /Fridays/);
    const series = 'stellar_peers_waiting{reason="RefusedByPolicy"}';
    await until(
      'the metric counts both validators',
      async () => (await metricOf(replicas?.replicas ?? [], series)) >= TWO.length,
    );
    await settled(scene, { aheadMs: AHEAD_MS });
    const requests = await bumps();
    assert.ok(requests.length >= 1 && requests.length <= ATTEMPTS_MAX, `${requests.length} requests`);
    assert.deepEqual([...new Set(requests.map(({ code }) => code))], [400]);
    assert.deepEqual(await network.journal(), []);
    network.assertRestarts(THREE, [0, 0, 0]);
  });
});
