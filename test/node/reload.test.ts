/** The sidecar tells running validators of new peers: without a restart, without an open port, in the kubelet's own time. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { until } from '../cluster/until.ts';
import { memoryOf, runningIn } from './confinement.ts';
import { installManifests } from './product.ts';
import { addValidators, containersOf, coreSays, podsIn, untilLinked } from './validators.ts';
import { bootWorld, untilNodeReady, type World } from './world.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const SIDECAR = 'stellar-peers-reload';
const ON_RESTART = { 'stellar.org/peer-rollout': 'OnRestart' };
/** Knows no peer at its start, and is told of none. */
const ALONE = { ...ON_RESTART, 'stellar.org/peer-config': 'off' };
const MINUTE_MS = 60_000;
/** The pauses after failures are at most 160 s, and the kubelet takes up to 90 s. */
const MENDED_MS_MAX = 300_000;
const REST_KIB_MAX = 1_024;

let world: World;
before(async () => {
  world = await bootWorld();
  await useDefaultSync();
  await installManifests(world);
  await world.createNamespace('stellar', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  await addValidators(world, THREE, { annotations: ON_RESTART });
  await untilLinked(world, THREE);
});
after(() => world?.stop());

/** Lets the kubelets look for changed ConfigMaps as often as by default: every minute. */
async function useDefaultSync(): Promise<void> {
  for (const machine of world.machines) {
    const path = join(world.dir, machine.name, 'kubelet.json');
    const { syncFrequency: _, ...config } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(config));
    await machine.kill('kubelet');
    machine.startKubelet();
    await untilNodeReady(world, machine.name);
  }
}

const podOf = async (node: string): Promise<KubeObject> => {
  const pod = (await podsIn(world, 'stellar')).find(({ metadata }) => metadata.name === `${node}-0`);
  assert.ok(pod, node);
  return pod;
};
const restartsOf = async (node: string): Promise<Record<string, number>> =>
  Object.fromEntries(
    containersOf(await podOf(node))
      .filter(({ restartCount }) => restartCount > 0)
      .map(({ name, restartCount }) => [name, restartCount]),
  );
const exec = (node: string, container: string, script: string): Promise<string> =>
  world.kubectl(['exec', '-n', 'stellar', `${node}-0`, '-c', container, '--', 'sh', '-c', script]);
/** Ends a container by killing its first process. The command may end with the container, so its error is ignored. */
const endFirst = (node: string, container: string): Promise<unknown> =>
  exec(node, container, 'kill 1').catch(() => undefined);
const logOf = (node: string, container: string): Promise<string> =>
  world.kubectl(['logs', '-n', 'stellar', `${node}-0`, '-c', container]);
const setMood = (node: string, is: string) => coreSays(world, node, `mood?is=${is}`);
const addressOf = async (node: string): Promise<string> => {
  const { podIP } = (await podOf(node)).status as { podIP: string };
  return `${podIP}:11625`;
};
/** The addresses that stellar-core of this pod was told of, in order. */
const told = async (node: string): Promise<string[]> =>
  [...(await logOf(node, 'stellar-node')).matchAll(/^connect (.+)$/gm)].map(([, address = '']) => address);
const publishedTo = async (node: string): Promise<string> =>
  exec(node, SIDECAR, 'cat /etc/stellar/peers/peers.txt');
const untilRead = (node: string, text: string) =>
  until(`${node} sees ${text} in its list`, async () => (await publishedTo(node)).includes(text), {
    deadlineMs: 3 * MINUTE_MS,
    everyMs: 1_000,
  });

describe('a fourth validator and three others that do not know each other', () => {
  it('is linked within three minutes, with no restart and no open port', async (t) => {
    const beganAt = performance.now();
    await addValidators(world, ['validator-4'], {
      annotations: { ...ALONE, 'stellar.org/peer-reload': 'off' },
    });
    await untilLinkedBy(['validator-4'], 3 * MINUTE_MS);
    t.diagnostic(`linked after ${Math.round((performance.now() - beganAt) / 1000)} s`);
    assert.deepEqual(world.pods.restarts(), {});
    for (const node of [...THREE, 'validator-4']) {
      assert.deepEqual(await restartsOf(node), {}, node);
      const { podIP } = (await podOf(node)).status as { podIP: string };
      await assert.rejects(fetch(`http://${podIP}:11626/info`), `the port of ${node} is closed`);
    }
    const names = (await podsIn(world, 'stellar')).map(({ metadata, spec }) => [
      metadata.name,
      (spec as { initContainers?: Array<{ name: string }> }).initContainers?.map(({ name }) => name) ?? [],
    ]);
    const both = ['stellar-peers-config', SIDECAR];
    assert.deepEqual(Object.fromEntries(names), {
      ...Object.fromEntries(THREE.map((node) => [`${node}-0`, both])),
      'validator-4-0': [],
    });
  });

  it('is told of its peers even if the sidecar runs without a merged configuration', async () => {
    await addValidators(world, ['validator-5'], {
      annotations: { ...ALONE, 'stellar.org/peer-reload': 'on' },
    });
    await untilLinkedBy(['validator-5', 'validator-4'], 3 * MINUTE_MS);
    assert.deepEqual(await restartsOf('validator-5'), {});
    const volumes = (
      (await podOf('validator-5')).spec as { volumes: Array<{ name: string; emptyDir?: object }> }
    ).volumes;
    assert.deepEqual(
      volumes.filter(({ emptyDir }) => emptyDir).map(({ name }) => name),
      ['data'],
      'no volume that can be written beside that of the operator',
    );
  });
});

/** Waits until each of the three is linked to each of these. */
async function untilLinkedBy(nodes: readonly string[], deadlineMs: number): Promise<void> {
  await until(
    `linked to the three: ${nodes.join(', ')}`,
    async () => {
      const all = await Promise.all(THREE.map((node) => coreSays(world, node, 'names')));
      return all.every((text) => nodes.every((node) => (JSON.parse(text) as string[]).includes(`${node}-0`)));
    },
    { deadlineMs, everyMs: 1_000 },
  );
}

describe('a stellar-core that', () => {
  it('is booting, slow or broken is told once it works, without a restart', async () => {
    const moods = { 'validator-1': 'booting', 'validator-2': 'nonsense', 'validator-3': 'slow' };
    for (const [node, mood] of Object.entries(moods)) await setMood(node, mood);
    await addValidators(world, ['validator-6'], {
      annotations: { ...ALONE, 'stellar.org/peer-reload': 'off' },
    });
    for (const node of THREE) await untilRead(node, 'validator-6-0');
    await delay(MINUTE_MS / 2);
    const address = await addressOf('validator-6');
    for (const node of ['validator-1', 'validator-2'])
      assert.ok(!(await told(node)).includes(address), `${node}: ${address}`);
    for (const node of THREE) await setMood(node, 'well');
    await untilLinkedBy(['validator-6'], MENDED_MS_MAX);
    for (const node of THREE) assert.deepEqual(await restartsOf(node), {}, node);
  });

  it('knows a peer whose pod is replaced is told of its new address', async (t) => {
    const old = await addressOf('validator-4');
    await world.kubectl(['delete', 'pod', '-n', 'stellar', 'validator-4-0']);
    await until('validator-4 has another pod', async () => (await addressOf('validator-4')) !== old);
    const beganAt = performance.now();
    await untilLinkedBy(['validator-4'], MENDED_MS_MAX);
    t.diagnostic(`linked again after ${Math.round((performance.now() - beganAt) / 1000)} s`);
  });

  it('is restarted in place is told again', async () => {
    await endFirst('validator-1', 'stellar-node');
    await until(
      'the container of stellar-core runs again',
      async () => (await restartsOf('validator-1'))['stellar-node'] === 1,
    );
    await until(
      'linked to those that do not know it',
      async () => {
        const names = await coreSays(world, 'validator-1', 'names').catch(() => '');
        return ['validator-4-0', 'validator-6-0'].every((name) => names.includes(name));
      },
      { deadlineMs: MENDED_MS_MAX, everyMs: 1_000 },
    );
    assert.deepEqual(await restartsOf('validator-1'), { 'stellar-node': 1 });
  });
});

describe('the sidecar', () => {
  it('handles 20 changes in a minute, and tells stellar-core of each peer at most once', async () => {
    const addresses = Array.from({ length: 20 }, (_, index) => `192.0.2.7:${20_001 + index}`);
    for (const address of addresses) {
      await setExternal(address);
      await delay(MINUTE_MS / 20);
    }
    const last = addresses.at(-1) ?? '';
    await untilRead('validator-2', last);
    await until(
      'validator-2 is told of the last address',
      async () => (await told('validator-2')).includes(last),
      {
        deadlineMs: MENDED_MS_MAX,
        everyMs: 1_000,
      },
    );
    const all = (await told('validator-2')).filter((each) => each.startsWith('192.0.2.7'));
    assert.deepEqual([...new Set(all)], all);
    assert.deepEqual(await restartsOf('validator-2'), {});
  });

  it('that is killed runs again, and stellar-core goes on', async () => {
    await endFirst('validator-2', SIDECAR);
    await until('it runs again', async () => (await restartsOf('validator-2'))[SIDECAR] === 1, {
      deadlineMs: MINUTE_MS,
    });
    await world.pods.until('Ready again', (pods) => pods.isReady('stellar/validator-2-0'), 2 * MINUTE_MS);
    assert.deepEqual(await restartsOf('validator-2'), { [SIDECAR]: 1 });
    await untilLinkedBy(['validator-4', 'validator-5', 'validator-6'], MENDED_MS_MAX);
  });

  it('takes hardly any memory', async (t) => {
    const sidecars = runningIn(await podsIn(world, 'stellar')).filter(({ name }) => name.endsWith(SIDECAR));
    for (const sidecar of sidecars) {
      // While the sidecar sends a command, the stand-in for stellar-core runs in its container.
      const atRest = await until(`${sidecar.name} takes next to nothing`, () => {
        const memory = memoryOf(sidecar);
        return memory.anonymousKib < REST_KIB_MAX ? memory : undefined;
      });
      t.diagnostic(`${sidecar.name}: ${atRest.anonymousKib} KiB, at most ${atRest.peakMib} MiB`);
    }
    assert.equal(sidecars.length, 4);
  });

  it('does not delay a drain or the end of its pod', async (t) => {
    const withoutMs = await drain('validator-4');
    const withMs = await drain('validator-3');
    t.diagnostic(`without the sidecar ${Math.round(withoutMs)} ms, with it ${Math.round(withMs)} ms`);
    assert.ok(withMs < withoutMs + 3_000, `${withMs} ms after ${withoutMs} ms`);
  });
});

/** Drains the machine of only this validator. Resolves to the time that it took, in ms. */
async function drain(node: string): Promise<number> {
  const { nodeName } = (await podOf(node)).spec as { nodeName: string };
  const budget = JSON.stringify({ spec: { minAvailable: 0 } });
  await world.kubectl(['patch', 'pdb', '-n', 'stellar', node, '--type=merge', '-p', budget]);
  const own = `--pod-selector=app.kubernetes.io/instance=${node}`;
  const flags = ['--delete-emptydir-data', own, '--timeout=60s'];
  const beganAt = performance.now();
  await world.kubectl(['drain', nodeName, '--ignore-daemonsets', ...flags]);
  const tookMs = performance.now() - beganAt;
  await world.kubectl(['uncordon', nodeName]);
  return tookMs;
}

const overview = (): Promise<string> =>
  world.kubectl([
    ...['get', 'configmap', '-n', 'stellar-peers', 'stellar-peers'],
    ...['-o', 'jsonpath={.data.networks\\.json}'],
  ]);

/** Sets the peers outside the cluster to this address alone. */
async function setExternal(address: string): Promise<void> {
  const [{ network } = { network: '' }] = JSON.parse(await overview()) as Array<{ network: string }>;
  const object = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { namespace: 'stellar-peers', name: 'stellar-peers-external' },
    data: { [network]: address },
  };
  await world.kubectl(['apply', '-f', '-'], JSON.stringify(object));
}
