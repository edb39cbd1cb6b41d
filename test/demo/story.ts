/**
 * The acts of the demo on a real control plane, with simulated pods or with containers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import type { Network } from '../cluster/network.ts';
import type { Stage, ValidatorOptions } from '../cluster/scene.ts';
import { statusOf } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';
import type { Checks } from './checks.ts';
import { awaiting, say, show, step } from './telling.ts';
import type { Transcript } from './transcript.ts';

const EXAMPLE = 'examples/three-validators';
export const ROOT = join(import.meta.dirname, '../..');
const THREE = ['validator-1', 'validator-2', 'validator-3'];
const FOUR = [...THREE, 'validator-4'];
const FIVE = [...FOUR, 'validator-5'];
/** Longer than the shortened MIN_READY_SECONDS and STABILIZATION_SECONDS: an unwanted restart would begin in this time. */
const WATCHED_MS = 4_000;
/** Four restarts in turn, with containers on a busy machine. */
const ROLLED_MS_MAX = 300_000;
const SWITCH = ['-n', 'stellar-peers', 'annotate', 'configmap', 'stellar-peers'];
const PAUSE = 'stellar.org/peer-rollout=paused';

export interface Play {
  readonly scene: Stage;
  readonly network: Network;
  readonly checks: Checks;
  readonly transcript: Transcript;
  /** The settings that this run shortens. */
  readonly env: Readonly<Record<string, string>>;
  /** What each StellarNode has in addition to the examples. */
  readonly options: Pick<ValidatorOptions, 'annotations' | 'spec'>;
  /** The init container's output and the configuration of a validator's pod after its start. */
  readonly started: (pod: { readonly namespace: string; readonly name: string }) => Promise<Started>;
}

export interface Started {
  /** What the init container printed, and its termination message. */
  readonly log: string;
  readonly message: string;
  /** The configuration as stellar-core finds it. */
  readonly configuration: string;
}

/** Plays the acts in turn, then prints each promise with its result. True if all promises were kept. */
export async function perform(
  play: Play,
  acts: ReadonlyArray<(play: Play) => Promise<void>>,
): Promise<boolean> {
  for (const act of acts) await act(play);
  await play.checks.knowTheirPeers(play.scene, 'every pod is injected and knows the peers it should');
  step('What was promised, and what was found');
  return play.checks.print();
}

/** Applies objects, and gives the StellarNodes among them the options of the play. */
async function apply({ scene, options }: Play, yaml: string): Promise<void> {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject);
  for (const object of objects.filter(({ kind }) => kind === 'StellarNode')) {
    object.metadata.annotations = { ...object.metadata.annotations, ...options.annotations };
    Object.assign(object.spec as object, options.spec);
  }
  await scene.cluster.kubectl(['apply', '-f', '-'], objects.map((each) => stringify(each)).join('---\n'));
}

/** Watches for WATCHED_MS. The checks at the end say whether the promise was kept. */
export const watch = (promise: string): Promise<void> =>
  awaiting(
    `watching for ${WATCHED_MS / 1000} s that ${promise}`,
    new Promise((resolve) => setTimeout(resolve, WATCHED_MS)),
  );

export const status = ({ scene, env }: Play): Promise<string> => statusOf(scene.cluster, env);

/** Three validators appear; no validator is restarted. */
export async function bootstrap(play: Play): Promise<void> {
  const { network, checks, transcript } = play;
  step('Three validators are applied');
  const file = `${EXAMPLE}/validators.yaml`;
  transcript.command(`kubectl apply -f ${file}`);
  await apply(play, readFileSync(join(ROOT, file), 'utf8'));
  await awaiting('three pods become Ready and know each other', network.untilTheyKnow(THREE));
  await watch('no validator is restarted');
  checks.restarted('bootstrap: no validator is restarted', {});
  const table = await status(play);
  show(table);
}

/** Shows what a pod was given, and what is published. */
export async function injection({ scene, network }: Play): Promise<void> {
  step('What was injected into validator-1-0');
  const pod = await scene.cluster.admin.get({
    resource: Pods,
    namespace: network.namespace,
    name: 'validator-1-0',
  });
  const spec = pod?.spec as {
    containers: Array<{
      name: string;
      env: Array<{ name: string; value?: string }>;
      volumeMounts: Array<{ name: string; mountPath: string }>;
    }>;
    volumes: Array<{
      name: string;
      configMap?: { name: string; items?: Array<{ key: string; path: string }> };
    }>;
  };
  const volume = spec.volumes.find(({ name }) => name === 'stellar-peers');
  const main = spec.containers.find(({ name }) => name === 'stellar-node');
  const mount = main?.volumeMounts.find(({ name }) => name === 'stellar-peers');
  const variable = main?.env.find(({ name }) => name === 'KNOWN_PEERS_FILE');
  show(`volume      ConfigMap ${volume?.configMap?.name}: ${volume?.configMap?.items?.map(({ key, path }) => `${key} → ${path}`).join(', ')}
mount       ${mount?.mountPath} (read-only) in container ${main?.name}
variable    ${variable?.name}=${variable?.value}
annotations stellar.org/peer-hash=${pod?.metadata.annotations?.['stellar.org/peer-hash']}
            stellar.org/peers=${pod?.metadata.annotations?.['stellar.org/peers']}`);
  step('What is published');
  const read = (namespace: string, key: string) =>
    scene.cluster.kubectl([
      '-n',
      namespace,
      'get',
      'configmap',
      'stellar-peers',
      '-o',
      `jsonpath={.data.${key}}`,
    ]);
  say('   /etc/stellar/peers/peers.txt of validator-1, from ConfigMap stellar/stellar-peers:');
  show(await read('stellar', 'validator-1\\.peers\\.txt'));
  say('   KNOWN_PEERS for people and programs, in ConfigMap stellar-peers/stellar-peers:');
  show(await read('stellar-peers', 'KNOWN_PEERS'));
}

/** A fourth validator joins: each that lacks it is rolled, one at a time. */
export async function join4(play: Play): Promise<void> {
  const { scene, network, checks, transcript } = play;
  step('A fourth validator joins: the three that lack it are restarted, one at a time');
  const sinceMs = checks.begin();
  const file = `${EXAMPLE}/fourth.yaml`;
  transcript.command(`kubectl apply -f ${file}`);
  await apply(play, readFileSync(join(ROOT, file), 'utf8'));
  await awaiting('the three are rolled', network.untilTheyKnow(FOUR, ROLLED_MS_MAX));
  show(scene.pods.print(sinceMs));
  transcript.timeline(scene.pods.timeline, sinceMs);
  checks.restarted(
    'a fourth joins: the three are restarted once each',
    Object.fromEntries(THREE.map((name) => [name, 1])),
  );
  checks.oneAtATime('a fourth joins: never two down', sinceMs);
}

/** A pod is replaced, and not by us. */
export async function replace({ network, checks, scene }: Play): Promise<void> {
  step('A pod is deleted by hand: no other validator is restarted');
  const sinceMs = checks.begin();
  await network.deletePod('validator-2');
  await scene.pods.until(
    'it is replaced',
    () =>
      scene.pods.lives(network.podOf('validator-2')).at(-1)?.deletedAtMs === undefined &&
      scene.pods.lives(network.podOf('validator-2')).some(({ deletedAtMs }) => (deletedAtMs ?? 0) >= sinceMs),
  );
  await awaiting('it is Ready again', network.untilTheyKnow(FOUR));
  await watch('no other validator is restarted');
  show(scene.pods.print(sinceMs));
  checks.restarted('a pod is deleted: no other validator is restarted', { 'validator-2': 1 });
}

/** A validator is suspended, and comes back. */
export async function suspend({ network, checks, scene }: Play): Promise<void> {
  step('A validator is suspended, and comes back: no validator is restarted');
  checks.begin();
  await network.change('validator-3', { suspended: true });
  await scene.pods.until('its pod is gone', ({ pods }) => !pods.has(network.podOf('validator-3')));
  await watch('no validator is restarted while it is away');
  await network.change('validator-3', { suspended: false });
  await awaiting('it is Ready again', network.untilTheyKnow(FOUR));
  await watch('no validator is restarted after it came back');
  checks.restarted('suspended and back: no other validator is restarted', { 'validator-3': 1 });
}

/** The kill switch holds restarts, and releases them. */
export async function killSwitch(play: Play): Promise<void> {
  const { scene, network, checks } = play;
  step('The kill switch holds restarts');
  checks.begin();
  show(`kubectl ${SWITCH.join(' ')} ${PAUSE}`);
  await scene.cluster.kubectl([...SWITCH, PAUSE]);
  const fifth = readFileSync(join(ROOT, EXAMPLE, 'fourth.yaml'), 'utf8').replaceAll(
    'validator-4',
    'validator-5',
  );
  await apply(play, fifth);
  await awaiting('a fifth validator joins', network.untilReady(FIVE));
  const table = await until('status says Paused', async () => {
    const text = await status(play);
    return text.includes('Paused') ? text : undefined;
  });
  await watch('no validator is restarted');
  show(table);
  checks.restarted('paused: no validator is restarted', {});
  const sinceMs = checks.begin();
  show(`kubectl ${SWITCH.join(' ')} stellar.org/peer-rollout-`);
  await scene.cluster.kubectl([...SWITCH, 'stellar.org/peer-rollout-']);
  await awaiting('the four are rolled', network.untilTheyKnow(FIVE, ROLLED_MS_MAX));
  show(scene.pods.print(sinceMs));
  checks.restarted(
    'released: the four are restarted once each',
    Object.fromEntries(FOUR.map((name) => [name, 1])),
  );
  checks.oneAtATime('released: never two down', sinceMs);
}
