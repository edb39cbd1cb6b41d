/** Creates validators in containers, and reads their state. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import { READY_DELAY_HINT } from '../cluster/operator-objects.ts';
import { createValidator, type ValidatorOptions } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { until } from '../cluster/until.ts';
import type { World } from './world.ts';

/** The delay of the first readiness probe, in place of the operator's 60 s, so that restarts take less time. */
const READY_DELAY_S = '2';
const LINKED_MS_MAX = 120_000;
export const OWN = 'stellar-peers';
export const ADDED = 'stellar.org/peers';

/** Options by which validators may share a machine, and are Ready soon. */
export const ON_ONE_MACHINE: Pick<ValidatorOptions, 'annotations' | 'spec'> = {
  annotations: { [READY_DELAY_HINT]: READY_DELAY_S },
  spec: { podAntiAffinity: 'Disabled' },
};

/** Creates the Secret that the pods of the StellarNode mount. */
export const secretFor = (world: World, name: string, namespace: string): Promise<string> =>
  world.kubectl(['create', 'secret', 'generic', '-n', namespace, `${name}-client-cert`]);

/** Creates the Secrets that their pods mount, and applies StellarNodes at once. Their pods may share a machine. */
export async function addValidators(
  world: World,
  names: readonly string[],
  options: ValidatorOptions = {},
): Promise<void> {
  const { namespace = 'stellar', annotations = {}, spec = {} } = options;
  const create = (name: string) =>
    createValidator({ cluster: world }, name, {
      namespace,
      annotations: { ...ON_ONE_MACHINE.annotations, ...annotations },
      spec: { ...ON_ONE_MACHINE.spec, ...spec },
    });
  await Promise.all(names.map((name) => secretFor(world, name, namespace)));
  await Promise.all(names.map(create));
}

/** Sends a command to stellar-core in the pod of a validator. Resolves to the answer. */
export const coreSays = (
  world: World,
  node: string,
  command: string,
  namespace = 'stellar',
): Promise<string> =>
  world.kubectl([
    ...['exec', '-n', namespace, `${node}-0`, '-c', 'stellar-node', '--'],
    ...['stellar-core', 'http-command', command],
  ]);

/** The configuration that stellar-core has read. */
export const configurationOf = (world: World, node: string, namespace = 'stellar'): Promise<string> =>
  world.kubectl([
    ...['exec', '-n', namespace, `${node}-0`, '-c', 'stellar-node', '--'],
    ...['cat', '/config/stellar-core.cfg'],
  ]);

/** Waits until all are Ready and each has a link to each of the others. */
export async function untilLinked(
  world: World,
  nodes: readonly string[],
  { namespace = 'stellar', deadlineMs = LINKED_MS_MAX } = {},
): Promise<void> {
  const pods = nodes.map((node) => `${node}-0`);
  const isLinked = async (node: string): Promise<boolean> => {
    const names = JSON.parse(await coreSays(world, node, 'names', namespace)) as string[];
    return pods.every((pod) => pod === `${node}-0` || names.includes(pod));
  };
  await until(
    `linked to each other: ${pods.join(', ')}`,
    async () => {
      const notReady = pods.filter((pod) => !world.pods.isReady(`${namespace}/${pod}`));
      if (notReady.length > 0) throw new Error(`not Ready: ${notReady.join(', ')}\n${world.pods.print()}`);
      return (await Promise.all(nodes.map(isLinked))).every(Boolean);
    },
    { deadlineMs, everyMs: 500 },
  );
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state?: { readonly running?: object };
}

/** The statuses of all containers of a pod, init containers included. */
export function containersOf(pod: KubeObject): ContainerStatus[] {
  const { containerStatuses = [], initContainerStatuses = [] } = (pod.status ?? {}) as Record<
    string,
    ContainerStatus[]
  >;
  return [...initContainerStatuses, ...containerStatuses];
}

export const podsIn = async (world: World, namespace: string): Promise<readonly KubeObject[]> =>
  (await world.admin.list(Pods, { namespace })).items;

/** Asserts that all pods of a namespace are injected and that none of their containers was restarted. */
export async function assertCalm(world: World, namespace: string): Promise<void> {
  const pods = await podsIn(world, namespace);
  const bare = pods.filter(({ metadata }) => metadata.annotations?.[ADDED] === undefined);
  assert.deepEqual(
    bare.map(({ metadata }) => metadata.name),
    [],
    'pods without peers',
  );
  const restarted = pods.flatMap(containersOf).filter(({ restartCount }) => restartCount > 0);
  assert.deepEqual(restarted, []);
}

/** Our running replicas in the form that `settled` needs, reached by the addresses of their pods. */
async function replicasOf(world: World) {
  const pods = await podsIn(world, OWN);
  const running = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return running.map((pod) => ({
    name: pod.metadata.name,
    get: async (path: string) => {
      const { podIP } = pod.status as { podIP: string };
      const answer = await fetch(`http://${podIP}:8080${path}`);
      return { status: answer.status, body: await answer.text() };
    },
  }));
}

/** Waits until the leader has nothing left to do. */
export const atRest = async (world: World, deadlineMs = 120_000): Promise<void> =>
  settled({ cluster: world, replicas: { replicas: await replicasOf(world) } }, { deadlineMs });
