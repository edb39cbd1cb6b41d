/** Carries out actions in the middle of restarts: of people, nodes and controllers. */
import type { PatchOperation } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { specOf } from '../workloads.ts';
import { isReliedOn } from './sidecars.ts';
import type { Stage } from './stage.ts';
import { podsOf, RESTART, setOf, split } from './standing.ts';
import { type AtBump, ONE_AT_A_TIME, type Twist } from './twists.ts';

type Of<Do extends Twist['do']> = Extract<Twist, { readonly do: Do }>;
type Handlers = { readonly [Do in Twist['do']]: (stage: Stage, action: Of<Do>) => unknown };

const setRefOf = (key: string): kinds.ObjectRef => ({ resource: kinds.StatefulSets, ...split(key) });
const escaped = (key: string): string => key.replace('/', '~1');
const ROLLED = 'kubectl.kubernetes.io/restartedAt';

/** Sets an annotation of the template, or removes it if the value is undefined. */
async function annotateTemplate(stage: Stage, key: string, name: string, value: string | undefined) {
  const set = setOf(stage.server.store, key);
  if (!set) return;
  const { annotations } = specOf(set).template.metadata ?? {};
  const path = `/spec/template/metadata/annotations/${escaped(name)}`;
  if (value === undefined && annotations?.[name] === undefined) return;
  const operation: PatchOperation =
    value === undefined
      ? { op: 'remove', path }
      : annotations
        ? { op: 'add', path, value }
        : { op: 'add', path: '/spec/template/metadata/annotations', value: { [name]: value } };
  await stage.server.admin.patch(setRefOf(key), [operation]);
}

/** `kubectl rollout restart`. */
const rollByHand = (stage: Stage, key: string) =>
  annotateTemplate(stage, key, ROLLED, new Date(stage.time.nowMs()).toISOString());

/** `kubectl delete statefulset --cascade=orphan`. Its operator creates it again, and it adopts the pods. */
async function orphanSet(stage: Stage, key: string): Promise<void> {
  const { admin, store } = stage.server;
  const pods = podsOf(store, key);
  await admin.delete(setRefOf(key), {});
  for (const { metadata } of pods) {
    const ref = { resource: kinds.Pods, namespace: metadata.namespace, name: metadata.name };
    if (store.get(ref)) await admin.patch(ref, [{ op: 'remove', path: '/metadata/ownerReferences' }]);
  }
}

const evict = async (stage: Stage, key: string): Promise<void> => {
  for (const { metadata } of podsOf(stage.server.store, key).slice(0, 1))
    await stage.server.admin.delete(
      { resource: kinds.Pods, namespace: metadata.namespace, name: metadata.name },
      {},
    );
};

/** Deletes the StellarNode, and creates it again with the same name a moment later. */
async function recreate(stage: Stage, key: string): Promise<void> {
  const index = stage.plan.nodes.findIndex(({ namespace, name }) => `${namespace}/${name}` === key);
  await stage.server.admin.delete({ resource: kinds.StellarNodes, ...split(key) }, {});
  stage.time.schedule(300, () => void stage.join(index));
}

const resize = (stage: Stage, key: string, replicas: number) =>
  stage.server.admin.patch({ resource: kinds.StellarNodes, ...split(key) }, [
    { op: 'add', path: '/spec/replicas', value: replicas },
  ]);

function atBump(stage: Stage, action: Of<'atBump'>): void {
  stage.atNextBump.set('*', (key) => {
    const written = setOf(stage.server.store, key);
    const [pod] = podsOf(stage.server.store, key);
    const carried = pod?.metadata.annotations?.[RESTART];
    // The StatefulSet controller has not seen the bump when it creates the pod again.
    if (action.what === 'staleEvict' && written)
      stage.controller.isBehind(written, carried === undefined ? {} : { [RESTART]: carried }, 400);
    const deeds: Readonly<Record<AtBump['what'], () => unknown>> = {
      undo: () => annotateTemplate(stage, key, RESTART, carried),
      rollAgain: () => rollByHand(stage, key),
      evict: () => evict(stage, key),
      staleEvict: () => evict(stage, key),
      orphan: () => orphanSet(stage, key),
      recreate: () => recreate(stage, key),
      scale: () => {
        if (action.what !== 'scale') return;
        const { replicas = 1 } =
          stage.plan.nodes.find((each) => `${each.namespace}/${each.name}` === key) ?? {};
        stage.time.schedule(action.ms, () => void resize(stage, key, replicas).catch(() => undefined));
        return resize(stage, key, action.replicas);
      },
    };
    const afterMs = action.what === 'staleEvict' ? 0 : action.afterMs;
    stage.time.schedule(afterMs, () => {
      stage.say(`· then, of ${key}: ${action.what}`);
      void Promise.resolve(deeds[action.what]()).catch(() => undefined);
    });
  });
}

const keyOf = (stage: Stage, index: number): string => {
  const { namespace, name } = stage.plan.nodes[index] ?? { namespace: '', name: '' };
  return `${namespace}/${name}`;
};

export const TWISTING: Handlers = {
  orphanSet: (stage, { node }) => orphanSet(stage, keyOf(stage, node)),
  rollByHand: (stage, { node }) => rollByHand(stage, keyOf(stage, node)),
  recreate: (stage, { node }) => recreate(stage, keyOf(stage, node)),
  fail: (stage, { node }) => {
    for (const { metadata } of podsOf(stage.server.store, keyOf(stage, node)).slice(0, 1))
      stage.kubelet.fail(metadata.namespace ?? '', metadata.name);
  },
  atBump,
  endSidecar: (stage, { node, downMs }) => {
    const [pod] = podsOf(stage.server.store, keyOf(stage, node));
    // Leave out a crashing sidecar, which crashes until the end.
    if (pod && isReliedOn(pod, stage.plan))
      stage.kubelet.endSidecars(pod.metadata.namespace ?? '', pod.metadata.name, downMs);
  },
  silence: (stage, { node, ms }) => {
    for (const { metadata } of podsOf(stage.server.store, keyOf(stage, node)))
      stage.kubelet.silence(metadata.namespace ?? '', metadata.name, ms);
  },
  reboot: (stage, { node }) => {
    for (const { metadata } of podsOf(stage.server.store, keyOf(stage, node)))
      stage.kubelet.reboot(metadata.namespace ?? '', metadata.name);
  },
  oneAtATime: (stage, { namespace }) =>
    stage.server.admin.create(kinds.PodDisruptionBudgets, {
      metadata: { name: ONE_AT_A_TIME, namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { 'stellar.org/node-type': 'Validator' } } },
    }),
};
