/** Carries out the actions of a plan: changes by people, and accidents. */
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { HINDERING } from './hindering.ts';
import type { Action } from './plan.ts';
import { OWN, type Stage } from './stage.ts';
import { TWISTING } from './twisting.ts';

type Of<Do extends Action['do']> = Extract<Action, { readonly do: Do }>;
type Handlers = { readonly [Do in Action['do']]: (stage: Stage, action: Of<Do>) => unknown };

/** Carries out an action now. Ignores a failure because another writer was faster. */
export function act(stage: Stage, action: Action): void {
  stage.say(`· ${JSON.stringify(action)}`);
  const handle = HANDLERS[action.do] as (stage: Stage, action: Action) => unknown;
  void Promise.resolve(handle(stage, action)).catch(() => undefined);
}

const nodeRef = (stage: Stage, index: number): kinds.ObjectRef => {
  const { namespace, name } = stage.plan.nodes[index] ?? { namespace: '', name: '' };
  return { resource: kinds.StellarNodes, namespace, name };
};
const setRef = (stage: Stage, index: number): kinds.ObjectRef => ({
  ...nodeRef(stage, index),
  resource: kinds.StatefulSets,
});
const podOf = (stage: Stage, index: number) => {
  const { namespace = '', name } = nodeRef(stage, index);
  return { namespace, name: `${name}-0` };
};

const patch = (stage: Stage, ref: kinds.ObjectRef, ...operations: PatchOperation[]) =>
  stage.server.admin.patch(ref, operations);

/** Sets or removes one annotation of an object. */
async function annotate(
  stage: Stage,
  ref: kinds.ObjectRef,
  key: string,
  value: string | null,
): Promise<void> {
  const { annotations } = stage.server.store.get(ref)?.metadata ?? {};
  const path = `/metadata/annotations/${key.replace('/', '~1')}`;
  if (value === null) {
    if (annotations?.[key] !== undefined) await patch(stage, ref, { op: 'remove', path });
  } else if (annotations) await patch(stage, ref, { op: 'add', path, value });
  else await patch(stage, ref, { op: 'add', path: '/metadata/annotations', value: { [key]: value } });
}

/** Changes the way a StatefulSet is updated, and puts it back later. */
function strategy(stage: Stage, { node, ms, onDelete }: Of<'strategy'>): Promise<unknown> {
  const ref = setRef(stage, node);
  const path = '/spec/updateStrategy';
  const value = onDelete ? { type: 'OnDelete' } : { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
  const back = { type: 'RollingUpdate', rollingUpdate: { partition: 0 } };
  stage.time.schedule(ms, () => {
    void patch(stage, ref, { op: 'add', path, value: back }).catch(() => undefined);
  });
  return patch(stage, ref, { op: 'add', path, value });
}

/** A person's budget for all validators of a namespace, removed later. */
function budget(stage: Stage, { namespace, ms }: Of<'budget'>): Promise<unknown> {
  const ref = { resource: kinds.PodDisruptionBudgets, namespace, name: 'by-hand' };
  const selector = { matchLabels: { 'stellar.org/node-type': 'Validator' } };
  const body: KubeObject = {
    metadata: { name: 'by-hand', namespace },
    spec: { minAvailable: '100%', selector },
  };
  stage.time.schedule(ms, () => {
    void stage.server.admin.delete(ref, {}).catch(() => undefined);
  });
  return stage.server.admin.create(kinds.PodDisruptionBudgets, body);
}

function setTrap(stage: Stage, replica: number, verb: string, spring: () => void): void {
  stage.seatOf(replica).weather.trap = { verb, spring };
}

function freeze(stage: Stage, replica: number, ms: number): void {
  const { process } = stage.seatOf(replica);
  process.freeze();
  stage.time.schedule(ms, () => process.thaw());
}

function flap(stage: Stage, node: number, ms: number): void {
  const { namespace, name } = podOf(stage, node);
  stage.kubelet.setReady(namespace, name, false);
  stage.time.schedule(ms, () => stage.kubelet.setReady(namespace, name, true));
}

const OWN_REF = { resource: kinds.ConfigMaps, namespace: OWN, name: OWN };

const HANDLERS: Handlers = {
  ...HINDERING,
  ...TWISTING,
  join: (stage, { node }) => stage.join(node),
  leave: (stage, { node }) => stage.server.admin.delete(nodeRef(stage, node), {}),
  suspend: (stage, { node, on }) =>
    patch(stage, nodeRef(stage, node), { op: 'add', path: '/spec/suspended', value: on }),
  maintain: (stage, { node, on }) =>
    patch(stage, nodeRef(stage, node), { op: 'add', path: '/spec/maintenanceMode', value: on }),
  port: (stage, { node, port }) =>
    annotate(stage, nodeRef(stage, node), 'stellar.org/peer-port', String(port)),
  annotate: (stage, { node, key, value }) => annotate(stage, nodeRef(stage, node), key, value),
  switch: (stage, { on, name, value }) => {
    const ref = on === 'all' ? OWN_REF : { resource: kinds.Namespaces, name };
    return annotate(stage, ref, 'stellar.org/peer-rollout', value);
  },
  dropOwn: (stage) => stage.server.admin.delete(OWN_REF, {}),
  scribble: (stage, { namespace }) => {
    const ref = { ...OWN_REF, namespace };
    const [key] = Object.keys((stage.server.store.get(ref)?.data ?? {}) as object);
    if (key === undefined) return undefined;
    return patch(stage, ref, { op: 'replace', path: `/data/${key}`, value: 'scribbled' });
  },
  deletePod: (stage, { node }) =>
    stage.server.admin.delete({ resource: kinds.Pods, ...podOf(stage, node) }, {}),
  restartContainer: (stage, { node }) => {
    const { namespace, name } = podOf(stage, node);
    stage.kubelet.restartContainers(namespace, name);
  },
  upgrade: (stage, { node, atMs }) =>
    patch(stage, nodeRef(stage, node), { op: 'add', path: '/spec/version', value: `v${atMs}` }),
  dropSet: (stage, { node }) => stage.server.admin.delete(setRef(stage, node), {}),
  flap: (stage, { node, ms }) => flap(stage, node, ms),
  // The pod becomes not Ready when the next bump is written, before the StatefulSet controller has seen the bump.
  flapAtBump: (stage, { node, ms }) => {
    const { namespace, name } = nodeRef(stage, node);
    stage.atNextBump.set(`${namespace}/${name}`, () => flap(stage, node, ms));
  },
  strategy,
  budget,
  scale: (stage, { node, replicas }) =>
    patch(stage, nodeRef(stage, node), { op: 'add', path: '/spec/replicas', value: replicas }),
  noise: (stage, { ms }) => stage.operator.fidget(ms),
  operatorRests: (stage, { ms }) => stage.operator.rest(ms),
  kill: (stage, { replica }) => stage.kill(replica),
  stop: (stage, { replica }) => {
    stage.seatOf(replica).replica.stop();
    stage.time.schedule(2_000, () => stage.kill(replica, 3_000));
  },
  freeze: (stage, { replica, ms }) => freeze(stage, replica, ms),
  killAtRequest: (stage, { replica, verb }) => setTrap(stage, replica, verb, () => stage.kill(replica)),
  freezeAtRequest: (stage, { replica, verb, ms }) =>
    setTrap(stage, replica, verb, () => freeze(stage, replica, ms)),
  skew: (stage, { replica, ms }) => {
    stage.seatOf(replica).process.skewMs = ms;
  },
  webhookDown: (stage, { ms }) => stage.webhookDown(ms),
  compact: (stage) => stage.server.compact(),
  release: (stage, { settings }) => stage.release(settings),
};
