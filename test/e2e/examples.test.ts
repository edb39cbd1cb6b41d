/** Runs the commands in the README of each folder of examples/, and checks the results that it promises. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Services } from '../../runtime/kube/resources.ts';
import { binary } from '../cluster/control-plane.ts';
import { Cores } from '../cluster/cores.ts';
import { addressOf, Published } from '../cluster/published.ts';
import { podNow, type Scene } from '../cluster/scene.ts';
import { sharedScene } from '../cluster/shared-scene.ts';
import { statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Step {
  readonly command: string;
  /** The lines of output that the README shows below the command, behind `# `. */
  readonly shown: string;
}

/** The commands in a README's shell blocks, in order. */
function stepsOf(text: string): Step[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block.trimEnd());
  return blocks.map((block) => {
    const lines = block.split('\n');
    const shown = lines.filter((line) => line.startsWith('# ')).map((line) => `${line.slice(2)}\n`);
    return { command: lines.filter((line) => !line.startsWith('#')).join('\n'), shown: shown.join('') };
  });
}

const readme = (example: string) => readFileSync(join(ROOT, 'examples', example, 'README.md'), 'utf8');

/** What of a pod is ours: the mount in `stellar-node`, and the number of peers that it started with. */
function injectedWith(pod: KubeObject | undefined): number | undefined {
  const { containers = [] } = (pod?.spec ?? {}) as {
    containers?: Array<{ name: string; volumeMounts?: Array<{ mountPath: string }> }>;
  };
  const mounts = containers.find(({ name }) => name === 'stellar-node')?.volumeMounts ?? [];
  if (!mounts.some(({ mountPath }) => mountPath === '/etc/stellar/peers')) return undefined;
  const digests = pod?.metadata.annotations?.['stellar.org/peers']?.replace('v1:', '') ?? '';
  return digests === '' ? 0 : digests.split(',').length;
}

describe('the example', () => {
  let scene: Scene;
  let published: Published;

  /** Runs a command as a person would who stands in the repository. */
  const run = async ({ command }: Step): Promise<string> => {
    const env = {
      PATH: `${dirname(binary('kubectl'))}:${process.env.PATH}`,
      KUBECONFIG: scene.cluster.kubeconfigPath,
      HOME: scene.cluster.dir,
    };
    const { stdout } = await promisify(execFile)('/bin/sh', ['-ec', command], { cwd: ROOT, env });
    return stdout;
  };
  const stepsIn = (example: string, count: number): Step[] => {
    const steps = stepsOf(readme(example));
    assert.equal(steps.length, count, `shell blocks in the README of ${example}`);
    return steps;
  };
  const untilReady = (namespace: string, names: readonly string[]) =>
    scene.pods.until(`${names.join(', ')} are Ready`, (pods) =>
      names.every((name) => pods.isReady(`${namespace}/${name}-0`)),
    );
  const untilAllKnown = (namespace: string, names: readonly string[]) =>
    published.untilPeers(
      Object.fromEntries(
        names.map((name) => [
          `${namespace}/${name}`,
          names.filter((other) => other !== name).map((other) => addressOf(namespace, other)),
        ]),
      ),
    );
  const started = async (namespace: string, names: readonly string[]) =>
    Promise.all(names.map(async (name) => injectedWith(await podNow(scene, `${name}-0`, namespace))));
  /** How often each validator was started. A pod that was replaced before it ran does not count. */
  const starts = (namespace: string, names: readonly string[]) =>
    names.map((name) => 1 + (scene.pods.restarts()[`${namespace}/${name}-0`] ?? 0));

  before(async () => {
    scene = await sharedScene({ replicas: 1 });
    published = new Published(scene.cluster.admin);
    await scene.start();
  });
  after(async () => {
    await published?.stop();
    await scene?.stop();
  });

  describe('three-validators', () => {
    const three = ['validator-1', 'validator-2', 'validator-3'];
    const four = [...three, 'validator-4'];

    it('makes three validators that start with each other as peers', async () => {
      const [apply, show] = stepsIn('three-validators', 3);
      assert.ok(apply && show);
      await run(apply);
      await untilReady('stellar', three);
      await untilAllKnown('stellar', three);
      assert.deepEqual(await started('stellar', three), [2, 2, 2]);
      assert.deepEqual(starts('stellar', three), [1, 1, 1]);
      assert.equal(await run(show), show.shown);
      const { items } = await scene.cluster.admin.list(Services, { namespace: 'stellar' });
      assert.deepEqual(
        items.map(({ metadata }) => metadata.name).sort(),
        three.map((name) => `${name}-headless`),
      );
    });

    it('restarts each of three validators once, one at a time, when a fourth joins', async () => {
      const [, , join_] = stepsIn('three-validators', 3);
      assert.ok(join_);
      await run(join_);
      await untilReady('stellar', ['validator-4']);
      await scene.pods.until(
        'the three validators were restarted and are Ready again',
        (pods) =>
          three.every(
            (name) => pods.lives(`stellar/${name}-0`).length > 1 && pods.isReady(`stellar/${name}-0`),
          ),
        120_000,
      );
      assert.deepEqual(starts('stellar', four), [2, 2, 2, 1]);
      assert.deepEqual(await started('stellar', four), [3, 3, 3, 3]);
      assert.deepEqual(
        scene.pods.maxDown(() => 'all'),
        { all: 1 },
        scene.pods.print(),
      );
    });

    it('creates four validators that know each other from the start if the folder is applied as a whole', async () => {
      // In another namespace and network, because the network above has only just come to rest.
      const folder = join(scene.cluster.dir, 'as-a-whole');
      mkdirSync(folder);
      for (const file of ['validators.yaml', 'fourth.yaml']) {
        const text = readFileSync(join(ROOT, 'examples/three-validators', file), 'utf8');
        const elsewhere = text
          .replace(/: stellar$/gm, ': as-a-whole')
          .replaceAll('Three Validators', 'Whole');
        writeFileSync(join(folder, file), elsewhere);
      }
      await run({ command: `kubectl apply -f ${folder}`, shown: '' });
      await untilReady('as-a-whole', four);
      await untilAllKnown('as-a-whole', four);
      assert.deepEqual(await started('as-a-whole', four), [3, 3, 3, 3]);
      assert.deepEqual(starts('as-a-whole', four), [1, 1, 1, 1]);
    });
  });

  it('custom-port publishes each of three validators with its own port', async () => {
    const [apply] = stepsIn('custom-port', 1);
    assert.ok(apply);
    await run(apply);
    const namespace = 'stellar-ports';
    const known = {
      'by-default': addressOf(namespace, 'by-default', 11_625),
      'by-field': addressOf(namespace, 'by-field', 11_725),
      'by-annotation': addressOf(namespace, 'by-annotation', 11_825),
    };
    const others = (name: string) =>
      Object.entries(known).flatMap(([other, at]) => (other === name ? [] : [at]));
    const names = Object.keys(known);
    await published.untilPeers(
      Object.fromEntries(names.map((name) => [`${namespace}/${name}`, others(name)])),
    );
    await untilReady(namespace, names);
    assert.deepEqual(await started(namespace, names), [2, 2, 2]);
    for (const address of Object.values(known)) assert.ok(readme('custom-port').includes(`\`${address}\``));
  });

  it('two-networks makes two networks in one namespace that do not know each other', async () => {
    const [apply] = stepsIn('two-networks', 2);
    assert.ok(apply);
    await run(apply);
    const namespace = 'stellar-networks';
    const at = (name: string) => addressOf(namespace, name);
    await published.untilPeers({
      [`${namespace}/public-1`]: [at('public-2')],
      [`${namespace}/public-2`]: [at('public-1')],
      [`${namespace}/private-1`]: [at('private-2'), at('private-3')],
      [`${namespace}/private-2`]: [at('private-1'), at('private-3')],
      [`${namespace}/private-3`]: [at('private-1'), at('private-2')],
    });
    const names = ['public-1', 'public-2', 'private-1', 'private-2', 'private-3'];
    await untilReady(namespace, names);
    assert.deepEqual(await started(namespace, names), [1, 1, 2, 2, 2]);
    assert.deepEqual(starts(namespace, names), [1, 1, 1, 1, 1]);
  });

  it('opt-out leaves two of four pods unchanged, and publishes all four', async () => {
    const [apply] = stepsIn('opt-out', 1);
    assert.ok(apply);
    await run(apply);
    const [here, there] = ['stellar-opt-out', 'stellar-opt-out-all'];
    const inside = ['injected-1', 'injected-2', 'by-annotation'];
    await untilReady(here, inside);
    await untilReady(there, ['by-namespace']);
    const outside = addressOf(there, 'by-namespace');
    const [one, two, three] = inside.map((name) => addressOf(here, name));
    assert.ok(one && two && three);
    await published.untilPeers({
      [`${here}/injected-1`]: [two, three, outside],
      [`${here}/injected-2`]: [one, three, outside],
      [`${here}/by-annotation`]: [one, two, outside],
      [`${there}/by-namespace`]: [one, two, three],
    });
    await until('status says so', async () => {
      const status = await statusOf(scene.cluster);
      return /by-annotation +1\/1 .*OptedOut/.test(status) && /by-namespace +1\/1 .*OptedOut/.test(status);
    });
    const [, , byAnnotation] = await started(here, inside);
    const [byNamespace] = await started(there, ['by-namespace']);
    assert.deepEqual([byAnnotation, byNamespace], [undefined, undefined]);
    const injected = await started(here, ['injected-1', 'injected-2']);
    assert.ok(
      injected.every((count) => count !== undefined),
      `${injected}`,
    );
    assert.deepEqual(starts(here, ['by-annotation']), [1]);
    assert.deepEqual(starts(there, ['by-namespace']), [1]);
  });

  it('outside-peers lists an advertised address and peers outside the cluster', async () => {
    const [apply, show] = stepsIn('outside-peers', 2);
    assert.ok(apply && show);
    await run(apply);
    const outside = ['203.0.113.7:11725', 'core-live-futurenet.example.org:11625'];
    await published.untilPeers({
      'stellar-outside/inside': ['validator.example.org:11625', ...outside],
      'stellar-outside/public-name': [addressOf('stellar-outside', 'inside'), ...outside],
    });
    assert.equal(await run(show), show.shown);
  });

  it('signal tells three running validators of a fourth, without a restart', async () => {
    const [apply, join_] = stepsIn('signal', 2);
    assert.ok(apply && join_);
    const cores = new Cores(scene.cluster.admin, (pod) => pod.startsWith('stellar-signalled/'));
    try {
      const namespace = 'stellar-signalled';
      const three = ['signalled-1', 'signalled-2', 'signalled-3'];
      await run(apply);
      await untilReady(namespace, three);
      await run(join_);
      await untilReady(namespace, ['signalled-4']);
      const addressOf = async (name: string) => {
        const pod = await podNow(scene, `${name}-0`, namespace);
        return `${(pod?.status as { podIP?: string } | undefined)?.podIP}:11625`;
      };
      const fourth = await addressOf('signalled-4');
      for (const name of three) {
        const own = await addressOf(name);
        await until(`${name} or the fourth validator was told of the other`, async () => {
          const byFourth = cores.dialled(`${namespace}/signalled-4-0`).includes(own);
          return byFourth || cores.dialled(`${namespace}/${name}-0`).includes(fourth);
        });
      }
      assert.deepEqual(starts(namespace, [...three, 'signalled-4']), [1, 1, 1, 1]);
    } finally {
      await cores.stop();
    }
  });
});
