/**
 * Unexpected contents on a real API server: stellar-peers reports them, survives them, and repairs its own objects. The
 * choice and order of the contents are random: FUZZ_SEED=n repeats a run, FUZZ_RUNS=n plays n of each kind.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { podOf } from '../../reconciler/leader/lease.ts';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, Leases, Secrets, StellarNodes } from '../../runtime/kube/resources.ts';
import { ourRefusals } from '../cluster/audit.ts';
import { Network, THREE } from '../cluster/network.ts';
import { addressOf, Published } from '../cluster/published.ts';
import { createScene, type Scene } from '../cluster/scene.ts';
import { eventsIn, metricOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import { Random } from '../sim/random.ts';
import {
  ABSURD_LEASE,
  LONG,
  nodeText,
  ODD_LEASES,
  ODD_MAPS,
  ODD_NODES,
  ODD_SECRETS,
} from './odd-contents.ts';

const OWN = 'stellar-peers';
const LEASE = { resource: Leases, namespace: OWN, name: 'stellar-peers' };
const SECRET = { resource: Secrets, namespace: OWN, name: 'stellar-peers-webhook-cert' };
const INT32_MAX = 2 ** 31 - 1;

const { FUZZ_SEED = `${Math.floor(Math.random() * 1_000_000)}`, FUZZ_RUNS = '3' } = process.env;
const random = new Random(Number(FUZZ_SEED));

/** A random part of the list, in random order. */
function drawn<T>(list: readonly T[]): T[] {
  const rest = [...list];
  const count = Math.min(Number(FUZZ_RUNS), rest.length);
  return Array.from({ length: count }, () => rest.splice(random.int(0, rest.length - 1), 1)).flat();
}

type LeaseSpec = { holderIdentity?: string; leaseTransitions?: number } | undefined;

describe(`contents that are not expected (FUZZ_SEED=${FUZZ_SEED})`, () => {
  let scene: Scene;
  let published: Published;
  let network: Network;
  let pairs = 0;

  before(async () => {
    scene = await createScene({ env: { CA_OVERLAP_SECONDS: '1', CA_RETIRE_SECONDS: '1' } });
    published = new Published(scene.cluster.admin);
    await scene.start();
    network = new Network(scene, 'stellar');
    await network.foundUpToDate();
    await scene.cluster.createNamespace('joining');
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  const replicas = () => scene.replicas?.replicas ?? [];
  const merge = (kind: string, namespace: string, name: string, patch: object) => {
    // Too long for an argument, and kubectl reads no patch from its standard input.
    const file = join(scene.cluster.dir, 'patch.json');
    writeFileSync(file, JSON.stringify(patch));
    return scene.cluster.kubectl([
      'patch',
      kind,
      name,
      '-n',
      namespace,
      '--type=merge',
      `--patch-file=${file}`,
    ]);
  };
  /** Deletes an object. A replica may delete it first, or make it again: both are right. */
  const remove = (kind: string, namespace: string, name: string) =>
    scene.cluster.kubectl(['delete', kind, name, '-n', namespace, '--ignore-not-found']);

  /** The lines that our replicas have logged since `from`, which has the former length of each log. */
  const logged = (from: readonly number[] = []) =>
    replicas().flatMap(({ logPath }, index) =>
      readFileSync(logPath, 'utf8')
        .slice(from[index] ?? 0)
        .split('\n'),
    );
  const logLengths = () => replicas().map(({ logPath }) => readFileSync(logPath, 'utf8').length);
  const untilLogged = (pattern: RegExp, from: readonly number[]) =>
    until(`the log says ${pattern}`, () => logged(from).find((line) => pattern.test(line)));

  /** Adds a pair of validators, checks its injection and lists, and removes it. No other pod and no replica restarts. */
  async function assertWell(): Promise<void> {
    pairs += 1;
    const names = [`pair-${pairs}-a`, `pair-${pairs}-b`];
    const pair = new Network(scene, 'joining', { spec: { customNetworkPassphrase: `pair ${pairs}` } });
    await Promise.all(names.map((name) => pair.add(name)));
    await pair.untilTheyKnow(names);
    const [one = '', two = ''] = names;
    await published.untilPeers({
      [`joining/${one}`]: [addressOf('joining', two)],
      [`joining/${two}`]: [addressOf('joining', one)],
    });
    await Promise.all(names.map((name) => pair.remove(name)));
    await Promise.all(names.map((name) => pair.untilGone(name)));
    for (const replica of replicas()) {
      assert.equal(replica.exit(), undefined, `${replica.name} has ended`);
      await replica.ready();
    }
    assert.deepEqual(network.restarts(THREE), { 'validator-1': 0, 'validator-2': 0, 'validator-3': 0 });
  }

  describe('of the Lease', () => {
    const spec = async () => (await scene.cluster.admin.get(LEASE))?.spec as LeaseSpec;
    const untilLed = () =>
      until('one of our replicas holds the Lease', async () => {
        const { holderIdentity = '', leaseTransitions = -1 } = (await spec()) ?? {};
        return replicas().some(({ name }) => name === podOf(holderIdentity)) && leaseTransitions >= 0;
      });

    for (const [what, content] of drawn(ODD_LEASES)) {
      it(`a Lease that ${what} is held again by one of our replicas in seconds`, async () => {
        await untilLed();
        if (content === 'deleted') await remove('lease', OWN, 'stellar-peers');
        else await merge('lease', OWN, 'stellar-peers', { spec: content });
        await untilLed();
        assert.ok(((await spec())?.leaseTransitions ?? 0) <= INT32_MAX);
        await assertWell();
      });
    }

    it('a Lease held for 68 years by no replica stops the leader and is logged, and has no effect after its deletion', async () => {
      await untilLed();
      const from = logLengths();
      await merge('lease', OWN, 'stellar-peers', { spec: ABSURD_LEASE });
      await until('no replica leads', async () => (await metricOf(replicas(), 'stellar_peers_leader')) === 0);
      await untilLogged(/as no replica writes it/, from);
      for (const replica of replicas()) await replica.ready();
      await remove('lease', OWN, 'stellar-peers');
      await untilLed();
      await assertWell();
    });
  });

  describe('of the certificate’s Secret', () => {
    const secretNow = () => scene.cluster.admin.get(SECRET);
    const textOf = (secret: KubeObject | undefined, key: string) =>
      Buffer.from((secret?.data as Record<string, string>)?.[key] ?? '', 'base64').toString('utf8');
    const isGood = (secret: KubeObject | undefined): boolean => {
      const [certificate, authority] = ['tls.crt', 'ca.crt'].map(
        (key) => new X509Certificate(textOf(secret, key)),
      );
      return (
        certificate !== undefined &&
        authority !== undefined &&
        certificate.checkPrivateKey(createPrivateKey(textOf(secret, 'tls.key'))) &&
        authority.checkPrivateKey(createPrivateKey(textOf(secret, 'ca.key'))) &&
        certificate.verify(authority.publicKey)
      );
    };
    const untilGood = () => until('the Secret is good', async () => isGood(await secretNow()));
    const put = async (data: object, more: object = {}) => {
      const metadata = { name: SECRET.name, namespace: OWN };
      const type = (await secretNow())?.type;
      await scene.cluster.admin.replace(SECRET, { metadata, type, data, ...more });
    };

    /** Makes a Secret of another type. Our replicas make one as soon as there is none, so this takes some tries. */
    const createFirst = (content: object) =>
      until('the Secret of this test is the first', async () => {
        await scene.cluster.admin.delete(SECRET, {});
        return scene.cluster.admin.create(Secrets, {
          metadata: { name: SECRET.name, namespace: OWN },
          ...content,
        });
      });

    for (const [what, change] of drawn(ODD_SECRETS)) {
      it(`a Secret that ${what} is replaced, with a reason in the log`, async () => {
        const before = await secretNow();
        const from = logLengths();
        const next = change((before?.data ?? {}) as Record<string, string>);
        if (!next) await remove('secret', OWN, SECRET.name);
        if (next?.type) await createFirst({ ...next });
        else if (next) await put(next.data);
        await untilGood();
        await untilLogged(/"reason":"\w+".*certificate Secret written/, from);
        await assertWell();
        // The type of a Secret cannot be changed, and demands keys that the next content does not have.
        if (next?.type) await remove('secret', OWN, SECRET.name);
        await untilGood();
      });
    }

    it('an immutable Secret is logged; the served certificate stays, and is renewed once the Secret is deleted', async () => {
      const from = logLengths();
      await put({ 'tls.crt': '' }, { immutable: true });
      await untilLogged(/cannot be read or written.*immutable|immutable.*cannot be read or written/, from);
      await assertWell();
      await remove('secret', OWN, SECRET.name);
      await untilGood();
      await assertWell();
    });
  });

  describe('of ConfigMaps', () => {
    const configMap = (namespace: string, name: string) =>
      scene.cluster.admin.get({ resource: ConfigMaps, namespace, name });

    /** Merges the content. Tries again, because replicas make and repair their own keys meanwhile. */
    const untilMerged = (namespace: string, name: string, content: object) =>
      until(`${namespace}/${name} has its content`, async () => {
        if (!(await configMap(namespace, name)))
          await scene.cluster.admin.create(ConfigMaps, { metadata: { name, namespace } });
        return merge('configmap', namespace, name, content);
      });

    const untilPeersAreAsTheyWere = () =>
      published.until(
        'the peers are as before',
        () => published.peersOf('stellar', 'validator-1')?.length === 2,
      );

    for (const [what, name, namespace, content] of drawn(ODD_MAPS)) {
      it(`${what} may be of any content`, async () => {
        await untilMerged(namespace, name, content);
        await assertWell();
        // Replicas repair our own keys; a person removes all others.
        await remove('configmap', namespace, name);
        await assertWell();
        await untilPeersAreAsTheyWere();
      });
    }

    it('a pause of any content comes back with our ConfigMap, until a person removes it', async () => {
      const rollout = 'stellar.org/peer-rollout';
      const pause = (value: string | null) =>
        untilMerged(OWN, 'stellar-peers', { metadata: { annotations: { [rollout]: value } } });
      const paused = () => metricOf(replicas(), 'stellar_peers_paused_validators');
      await pause(LONG);
      await until('all validators are paused', async () => (await paused()) >= THREE.length);
      await remove('configmap', OWN, 'stellar-peers');
      await until('our ConfigMap is back, with its pause', async () => {
        const found = await configMap(OWN, 'stellar-peers');
        return found?.metadata.annotations?.[rollout] === LONG;
      });
      await pause(null);
      await until('no validator is paused', async () => (await paused()) === 0);
      await assertWell();
      await untilPeersAreAsTheyWere();
    });

    it('an immutable ConfigMap of peers causes an Event on the new validator, and is updated once it is mutable', async () => {
      const [first, second] = ['sealed-1', 'sealed-2'];
      const sealed = new Network(scene, 'sealed');
      await sealed.found([first]);
      await published.until('it is published', () => published.peersOf('sealed', first) !== undefined);
      await merge('configmap', 'sealed', 'stellar-peers', { immutable: true });
      await sealed.add(second);
      await until('an Event on the new validator says so', async () =>
        (await eventsIn(scene.cluster, 'sealed')).some(
          ({ node, reason }) => node === second && reason === 'RefusedByPolicy',
        ),
      );
      const metric = 'stellar_peers_waiting{reason="RefusedByPolicy"}';
      await until('the metric counts the validator', async () => (await metricOf(replicas(), metric)) >= 1);
      await assertWell();
      await remove('configmap', 'sealed', 'stellar-peers');
      await published.until('both are published', () => published.peersOf('sealed', second)?.length === 1, {
        deadlineMs: 150_000,
      });
    });
  });

  describe('of StellarNodes', () => {
    it('each StellarNode is refused by the API server, is a peer, or has a reason; and all can be deleted', async () => {
      await scene.cluster.createNamespace('odd');
      const due = ODD_NODES.map(([name, node]) => ({ name, ...node }));
      for (const { name, is, ...node } of due) {
        const created = scene.cluster.kubectl(
          ['create', '--raw', '/apis/stellar.org/v1alpha1/namespaces/odd/stellarnodes', '-f', '-'],
          nodeText('odd', name, node),
        );
        if (is === 'refused') await assert.rejects(created);
        else await created;
      }
      for (const { name, is } of due.filter(({ is: expected }) => expected !== 'refused')) {
        if (is === 'peer' || is === 'InvalidAddress')
          await published.until(`${name} is published`, () => published.peersOf('odd', name) !== undefined);
        if (is === 'peer') continue;
        await until(`an Event on ${name} says ${is}`, async () =>
          (await eventsIn(scene.cluster, 'odd')).some((event) => event.node === name && event.reason === is),
        );
      }
      await assertWell();
      await scene.cluster.kubectl(['delete', 'stellarnodes', '--all', '-n', 'odd', '--wait=false']);
      await until('they are gone', async () => {
        const { items } = await scene.cluster.admin.list(StellarNodes, { namespace: 'odd' });
        return items.length === 0;
      });
      await published.until('nothing of them is published', () => published.object('odd') === undefined);
      await assertWell();
    });
  });

  it('no request was refused for lack of rights', async () => {
    assert.deepEqual(ourRefusals(await scene.cluster.audit()), []);
  });
});
