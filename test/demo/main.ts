/**
 * `make demo`: the main job on a real control plane, shown step by step and checked at the end. BREAK=budget runs a build
 * that is broken on purpose; --transcript also prints the README's block.
 */
import process from 'node:process';
import { startPod } from '../cluster/kubelet.ts';
import { Network } from '../cluster/network.ts';
import type { Replica } from '../cluster/replica.ts';
import { createScene, type Scene, SHORT } from '../cluster/scene.ts';
import { Checks } from './checks.ts';
import { linked } from './linked.ts';
import {
  bootstrap,
  injection,
  join4,
  killSwitch,
  type Play,
  perform,
  replace,
  type Started,
  suspend,
} from './story.ts';
import { awaiting, bold, say, step } from './telling.ts';
import { Transcript } from './transcript.ts';
import { merged, signal } from './ways.ts';

/** From a pod's start until it is Ready: long enough for a person to see that the pod is down. */
const READY_DELAY_MS = 1_500;
const SETTINGS = { ...SHORT, CORE_POLL_SECONDS: '2' };
const BROKEN = ['--import', './test/demo/break-budget.ts', 'main.ts', 'run'];

function programOf(name: string): { program?: readonly string[] } {
  if (name === '') return {};
  if (name !== 'budget') throw new Error(`BREAK=${name} is not known: budget is`);
  say('This build is broken on purpose: two validators of a network may be down at a time.');
  return { program: BROKEN };
}

const pageOf = ({ pagePort }: Replica): string => `http://127.0.0.1:${pagePort}/`;

async function tell(scene: Scene, transcript: Transcript): Promise<boolean> {
  step('stellar-peers is installed');
  say('   kubectl apply -k manifests/base, then two replicas under tokens of the real ServiceAccount');
  say(
    `   shortened for the demo: ${Object.entries(SETTINGS)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`,
  );
  const { replicas } = await awaiting(
    'two replicas become ready: certificate, caBundle, caches',
    scene.start(),
  );
  say(`   the status page, while this runs: ${replicas.map(pageOf).join(' and ')}`);
  const network = new Network(scene, 'stellar');
  const play: Play = {
    ...{ scene, network, checks: new Checks(network), transcript, env: SETTINGS, options: {} },
    started: (pod) => started(scene, pod),
  };
  const acts = [bootstrap, injection, merged, join4, replace, suspend, killSwitch, signal, linked];
  return perform(play, acts);
}

/** Runs the pod's init container over its volumes, since no kubelet does. */
async function started({ cluster }: Scene, pod: { namespace: string; name: string }): Promise<Started> {
  const { init, read } = await startPod(cluster, pod);
  const { log = 'it has none', message = '' } = init ?? {};
  return { log, message, configuration: read('/config/stellar-core.cfg') };
}

/** On a terminal, keeps the cluster until Ctrl-C, so that a person can look around. */
async function stay(scene: Scene): Promise<void> {
  if (process.stdout.isTTY !== true || process.stdin.isTTY !== true) return;
  say(
    `\nThe cluster stays up until Ctrl-C. In another terminal:\n\n   export KUBECONFIG=${scene.cluster.kubeconfigPath}`,
  );
  say(
    `   bin/stellar-peers status\n\nThe status page: ${scene.replicas?.replicas.map(pageOf).join(' and ')}\n`,
  );
  await new Promise((resolve) => process.once('SIGINT', resolve));
}

async function main(): Promise<void> {
  const transcript = new Transcript();
  const program = programOf(process.env.BREAK ?? '');
  say(bold('stellar-peers: the main job, on a real control plane'));
  const booting = createScene({ readyDelayMs: READY_DELAY_MS, env: SETTINGS, ...program });
  const scene = await awaiting('etcd, kube-apiserver, controller-manager, scheduler and kwok start', booting);
  try {
    const kept = await tell(scene, transcript);
    if (!kept) process.exitCode = 1;
    if (process.argv.includes('--transcript')) say(`\n--- transcript ---\n${transcript}`);
    await stay(scene);
  } finally {
    await scene.replicas?.stop();
    await scene.stop();
  }
}

await main();
