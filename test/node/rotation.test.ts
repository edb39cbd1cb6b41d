/** Changes by the kubelet in the mounts of running pods: token, CA of the API server, certificate of the webhook. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { parseAllDocuments } from 'yaml';
import type { Issued } from '../../certs/source.ts';
import { rendered } from '../../scripts/manifests.ts';
import { until } from '../cluster/until.ts';
import { Load } from '../load/load.ts';
import { authoritiesOf, tokenNameOf, tokenUses } from './accounts.ts';
import { newAuthority, newLeaf } from './authority.ts';
import { type Running, runningIn } from './confinement.ts';
import { MASTER } from './machine-files.ts';
import { applyAndServe } from './product.ts';
import { addValidators, assertCalm, atRest, containersOf, OWN, podsIn, untilLinked } from './validators.ts';
import { bootWorld, untilNodeReady, type World } from './world.ts';

const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];
/** The kubelet looks at each pod every 10 s, and at what it caches more rarely. */
const SWAPPED_MS_MAX = 150_000;
const WEBHOOK_PORT = 8443;
const HOST = `stellar-peers-webhook.${OWN}.svc`;

let world: World;
let authority: Issued;
before(async () => {
  world = await bootWorld();
  await world.createNamespace(OWN);
  await world.createNamespace('stellar');
  authority = await newAuthority();
  await mount(authority);
  await applyAndServe(world, withoutIssuers(rendered('cert-manager')), () => trust(authority));
  await addValidators(world, TWO);
  await untilLinked(world, TWO);
  await atRest(world);
});
after(() => world?.stop());

/** What is left for a cluster without cert-manager, whose part this test plays. */
const withoutIssuers = (yaml: string): string =>
  parseAllDocuments(yaml)
    .filter((document) => !String(document.get('apiVersion')).startsWith('cert-manager.io/'))
    .map(String)
    .join('');

/** Writes the Secret that replicas mount, with a new certificate; resolves to its fingerprint. */
async function mount(signer: Issued): Promise<string> {
  const { certPem, keyPem } = await newLeaf(signer, [HOST, `${HOST}.cluster.local`]);
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls' },
    metadata: { name: 'stellar-peers-webhook-tls', namespace: OWN },
    stringData: { 'ca.crt': signer.certPem, 'tls.crt': certPem, 'tls.key': keyPem },
  };
  await world.kubectl(['apply', '-f', '-'], JSON.stringify(secret));
  return new X509Certificate(certPem).fingerprint256;
}

/** Makes the API server trust certificates of these CAs when it calls the webhook. */
async function trust(...signers: Issued[]): Promise<void> {
  const name = 'mutatingwebhookconfiguration/stellar-peers';
  const { webhooks } = JSON.parse(await world.kubectl(['get', name, '-o', 'json'])) as { webhooks: object[] };
  const value = Buffer.from(signers.map(({ certPem }) => certPem).join('')).toString('base64');
  const operations = webhooks.map((_, index) => ({
    ...{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value },
  }));
  await world.kubectl(['patch', name, '--type=json', '-p', JSON.stringify(operations)]);
}

/** Fingerprint of the certificate that each replica shows to a new connection. */
async function served(): Promise<string[]> {
  const addresses = (await podsIn(world, OWN)).map(({ status }) => (status as { podIP: string }).podIP);
  return Promise.all(
    addresses.map(async (host) => {
      const socket = connect({ host, port: WEBHOOK_PORT, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { fingerprint256 = '' } = socket.getPeerX509Certificate() ?? {};
      socket.destroy();
      return fingerprint256;
    }),
  );
}

const untilServedAlone = (fingerprint: string): Promise<unknown> =>
  until(
    'each replica serves the new certificate',
    async () => (await served()).every((each) => each === fingerprint),
    { deadlineMs: SWAPPED_MS_MAX, everyMs: 500 },
  );

const untilTrusted = (authorities: string): Promise<unknown> =>
  until(
    'each replica finds these CAs of the API server, and no others',
    async () => (await replicas()).every((each) => authoritiesOf(each) === authorities),
    { deadlineMs: SWAPPED_MS_MAX, everyMs: 500 },
  );

const replicas = async (): Promise<Running[]> => runningIn(await podsIn(world, OWN));

/** Asserts that no container of a replica was ever restarted. */
async function assertNotRestarted(): Promise<void> {
  const containers = (await podsIn(world, OWN)).flatMap(containersOf);
  assert.deepEqual(
    containers.map(({ restartCount }) => restartCount),
    [0, 0],
  );
}

describe('a mounted certificate of the webhook', () => {
  it('is served once the kubelet has swapped it, and every review is answered meanwhile', async (t) => {
    const load = await Load.start(world, { namespace: 'stellar', name: 'validator-1' }, 20);
    t.after(() => load.stop());
    await untilServedAlone(await mount(authority));
    const next = await newAuthority();
    await trust(authority, next);
    await untilServedAlone(await mount(next));
    await trust(next);
    await load.untilAnswered(100);
    const { injected, bare, refused } = await load.stop();
    assert.deepEqual({ bare, refused }, { bare: 0, refused: 0 }, JSON.stringify(load.misses.slice(0, 3)));
    assert.ok(injected > 100, `${injected}`);
    await assertNotRestarted();
  });
});

describe('the token of the ServiceAccount', () => {
  it('is the new one in each request after the kubelet has swapped it', async () => {
    const before = new Map((await replicas()).map((each) => [each.name, tokenNameOf(each)]));
    for (const machine of world.machines) {
      // A kubelet that starts knows no token, and asks for a new one.
      await machine.kill('kubelet');
      machine.startKubelet();
      await untilNodeReady(world, machine.name);
    }
    const now = await until(
      'each replica finds a new token',
      async () => {
        const found = (await replicas()).map((each) => [each.name, tokenNameOf(each)] as const);
        return found.every(([name, token]) => token !== before.get(name)) ? new Map(found) : undefined;
      },
      { deadlineMs: SWAPPED_MS_MAX, everyMs: 500 },
    );
    const swappedAtMs = Date.now();
    for (const [name, token] of now) {
      const pod = name.replace('/stellar-peers', '');
      const used = await until(`${name} has asked the API server since`, () => {
        const uses = tokenUses(world.dir).filter((each) => each.pod === pod && each.atMs > swappedAtMs);
        return uses.length > 2 && new Set(uses.map((each) => each.token));
      });
      assert.deepEqual(used, new Set([token]), name);
    }
    await assertNotRestarted();
  });
});

describe('the CA of the API server', () => {
  it('changes, and replicas trust the API server by the new CA', async () => {
    const old = authoritiesOf((await replicas())[0] as Running);
    const { nextAuthority } = world;
    await world.reconfigure({ 'ca.crt': old + nextAuthority.certPem });
    await untilTrusted(old + nextAuthority.certPem);
    const { certPem, keyPem } = await newLeaf(nextAuthority, [
      ...['127.0.0.1', MASTER, '10.96.0.1', 'localhost', 'kubernetes.default.svc'],
    ]);
    const files = { 'apiserver.crt': certPem, 'apiserver.key': keyPem, 'ca.crt': nextAuthority.certPem };
    await world.reconfigure(files);
    await untilTrusted(nextAuthority.certPem);
    await addValidators(world, ['validator-3']);
    await untilLinked(world, THREE, { deadlineMs: 240_000 });
    await atRest(world);
    await assertCalm(world, 'stellar');
    await assertNotRestarted();
  });
});
