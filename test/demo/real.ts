/**
 * `make demo NODE=real`: the same acts with real containers on two kubelets, installed by the shipped manifests. Signals are
 * left out, because the stand-in for stellar-core answers only on its own loopback.
 */
import process from 'node:process';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { Network } from '../cluster/network.ts';
import { installManifests, set } from '../node/product.ts';
import { configurationOf, ON_ONE_MACHINE, secretFor } from '../node/validators.ts';
import { bootWorld, type World } from '../node/world.ts';
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
import { merged } from './ways.ts';

/** The demo shows restarts. With sidecars that tell of new peers, there would be none. */
const SETTINGS = {
  ...{ MIN_READY_SECONDS: '1', MIN_RESTART_INTERVAL_SECONDS: '0', STABILIZATION_SECONDS: '1' },
  PEER_RELOAD: 'off',
};
const INIT = 'stellar-peers-config';
const VALIDATORS = { stellar: 5, 'stellar-public': 4 };

/** The Secrets that the pods of the operator mount. */
async function addSecrets(world: World): Promise<void> {
  for (const [namespace, count] of Object.entries(VALIDATORS)) {
    const prefix = namespace === 'stellar' ? 'validator' : 'public';
    await world.createNamespace(namespace);
    for (let each = 1; each <= count; each += 1) await secretFor(world, `${prefix}-${each}`, namespace);
  }
}

interface InitStatus {
  readonly name: string;
  readonly state?: { readonly terminated?: { readonly message?: string } };
}

async function started(world: World, pod: { namespace: string; name: string }): Promise<Started> {
  const log = await world.kubectl(['logs', '-n', pod.namespace, pod.name, '-c', INIT]);
  const found = (await world.admin.get({ resource: Pods, ...pod })) as KubeObject;
  const { initContainerStatuses = [] } = found.status as { initContainerStatuses?: InitStatus[] };
  const message = initContainerStatuses.find(({ name }) => name === INIT)?.state?.terminated?.message ?? '';
  const node = pod.name.replace(/-0$/, '');
  return {
    log: log || 'it printed nothing',
    message: message.trim(),
    configuration: await configurationOf(world, node),
  };
}

async function tell(world: World): Promise<boolean> {
  step('stellar-peers is installed');
  const settings = Object.entries(SETTINGS).map((each) => each.join('='));
  say('   kubectl apply -k manifests/base: two replicas of the image, reached by their Service');
  say(`   shortened for the demo: ${settings.join(' ')}`);
  const ready = installManifests(world).then(() => set(world, ...settings));
  await awaiting('two replicas become ready, and are asked', ready);
  await addSecrets(world);
  const scene = { cluster: world, pods: world.pods };
  const network = new Network(scene, 'stellar');
  const play: Play = {
    ...{ scene, network, checks: new Checks(network), transcript: new Transcript(), env: SETTINGS },
    options: ON_ONE_MACHINE,
    started: (pod) => started(world, pod),
  };
  return perform(play, [bootstrap, injection, merged, join4, replace, suspend, killSwitch, linked]);
}

say(bold('stellar-peers: the main job, with real containers on two kubelets'));
const world = await awaiting('control plane, CoreDNS, containerd and kubelets start', bootWorld());
try {
  if (!(await tell(world))) process.exitCode = 1;
} finally {
  await world.stop();
}
