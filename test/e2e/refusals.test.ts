/** Another's admission that refuses what we write: it is told, and not asked again and again. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { type AuditEntry, ourRequests } from '../cluster/audit.ts';
import { Network } from '../cluster/network.ts';
import { createPki } from '../cluster/pki.ts';
import { type Scene, SHORT } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { eventsIn, journalOf, metricOf, statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];
/** Many times the backoff of what only failed: nothing is to be tried again within this time. */
const AHEAD_MS = 6_000;
/** One for each of two validators, and one more each if another leader took over. */
const ATTEMPTS_MAX = 4;

const RULES = {
  resourceRules: [
    { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['statefulsets'], operations: ['UPDATE'] },
  ],
};
const inNamespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
const RESTARTS = "'stellar.org/peer-restart' in object.spec.template.metadata.?annotations.orValue({})";

/** As an administrator may write it who allows no restarts; without a reason its refusal is a 422. */
const policyOf = (namespace: string): object[] => [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'no-restarts' },
    spec: {
      matchConstraints: { ...RULES, namespaceSelector: inNamespace(namespace) },
      validations: [{ expression: `!(${RESTARTS})`, message: 'no restarts on Fridays' }],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'no-restarts' },
    spec: { policyName: 'no-restarts', validationActions: ['Deny'] },
  },
];

/** A webhook that says no to all that it is asked, without a code. */
async function startRefuser(): Promise<{
  readonly server: Server;
  readonly configuration: (namespace: string) => object;
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
    rules: RULES.resourceRules,
    matchConditions: [{ name: 'restarts', expression: RESTARTS }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  return {
    server,
    configuration: (namespace) => ({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'house' },
      webhooks: [{ ...webhook, namespaceSelector: inNamespace(namespace) }],
    }),
  };
}

describe('a restart that another refuses', () => {
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

  const apply = (objects: readonly object[]) =>
    scene.cluster.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
  /** Without those that came to nothing since the StatefulSet had just been written: no policy is asked then. */
  const bumps = async (namespace: string): Promise<AuditEntry[]> =>
    ourRequests(await scene.cluster.audit())
      .filter(({ code }) => code !== 409)
      .filter(({ resource, verb }) => resource === 'statefulsets' && verb === 'patch')
      .filter((entry) => entry.namespace === namespace);

  /** A restart by an administrator would be refused too. */
  const untilInForce = (network: Network) =>
    until('it refuses', async () => {
      const metadata = { annotations: { 'stellar.org/peer-restart': 'x' } };
      const patch = JSON.stringify({ spec: { template: { metadata } } });
      const args = ['patch', 'statefulset', TWO[0] ?? '', '-n', network.namespace, '--dry-run=server'];
      const said = await scene.cluster.kubectl([...args, '--type=merge', '-p', patch]).catch(String);
      return said.includes('Fridays');
    });

  /** Two that know each other and a third that they should know, for which they may not be restarted. */
  async function refused(namespace: string, objects: readonly object[]): Promise<Network> {
    const network = new Network(scene, namespace);
    await network.found(TWO);
    await network.untilTheyKnow(TWO);
    await apply(objects);
    await untilInForce(network);
    await network.add('validator-3');
    await network.untilReady(THREE);
    return network;
  }

  /** What else the validators wait for is the first question where something was awaited in vain. */
  const elseStatus = <T>(awaited: Promise<T>): Promise<T> =>
    awaited.catch(async (error: unknown) => {
      const journal = JSON.stringify(await journalOf(scene.cluster), undefined, 1);
      throw new Error(`${String(error)}\n${await statusOf(scene.cluster, SHORT)}${journal}`);
    });

  async function assertToldOnce(network: Network, code: number, waiting: number): Promise<void> {
    const { cluster, replicas } = scene;
    const told = await elseStatus(
      until('an Event tells of it', async () =>
        (await eventsIn(cluster, network.namespace)).find(({ reason }) => reason === 'RefusedByPolicy'),
      ),
    );
    assert.equal(told.type, 'Warning');
    assert.match(told.note, /Fridays/);
    const series = 'stellar_peers_waiting{reason="RefusedByPolicy"}';
    await elseStatus(
      until(
        'the metric counts it',
        async () => (await metricOf(replicas?.replicas ?? [], series)) >= waiting,
      ),
    );
    await settled(scene, { aheadMs: AHEAD_MS });
    const requests = await bumps(network.namespace);
    assert.ok(requests.length >= 1 && requests.length <= ATTEMPTS_MAX, `${requests.length} requests`);
    assert.deepEqual([...new Set(requests.map((request) => request.code))], [code]);
    const entries = await journalOf(cluster, (entry) =>
      entry.statefulSet.startsWith(`${network.namespace}/`),
    );
    assert.deepEqual(entries, []);
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 });
  }

  it('by a ValidatingAdmissionPolicy is shown as RefusedByPolicy, and not tried again at once', async () => {
    await assertToldOnce(await refused('by-policy', policyOf('by-policy')), 422, 1);
  });

  it('by a webhook that gives no code is shown as RefusedByPolicy, and not tried again at once', async () => {
    await assertToldOnce(await refused('by-webhook', [refuser.configuration('by-webhook')]), 400, 2);
  });
});
