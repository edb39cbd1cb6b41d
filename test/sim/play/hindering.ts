/** Carries out the obstacles of a plan, which last for minutes or until they are lifted, and lifts all in the end. */
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { specOf } from '../workloads.ts';
import type { Hindrance } from './hindrances.ts';
import { WEBHOOK } from './objects.ts';
import { OWN, type Stage } from './stage.ts';
import { STAMP, setOf } from './standing.ts';
import { INJECTION } from './successor.ts';

type Of<Do extends Hindrance['do']> = Extract<Hindrance, { readonly do: Do }>;
type Handlers = { readonly [Do in Hindrance['do']]: (stage: Stage, action: Of<Do>) => unknown };

export const WEBHOOK_REF = { resource: kinds.MutatingWebhookConfigurations, name: 'stellar-peers' };
export const JOURNAL_REF = { resource: kinds.ConfigMaps, namespace: OWN, name: 'stellar-peers-restarts' };
/** The group of the entries that fill the journal. No validator belongs to it. */
export const FILLER = 'gone.0000000000';
const ANNOTATIONS = '/spec/template/metadata/annotations';
const escaped = (key: string): string => key.replace('/', '~1');

/** Ends an obstacle after `ms`; with null, it stays until all are lifted. */
function until(stage: Stage, ms: number | null, end: () => unknown): void {
  if (ms === null) return;
  stage.time.schedule(ms, () => void Promise.resolve(end()).catch(() => undefined));
}

/** Sets or removes one label or annotation of an object. */
export async function mark(
  stage: Stage,
  ref: kinds.ObjectRef,
  { field, key, value }: { field: 'labels' | 'annotations'; key: string; value: string | undefined },
): Promise<void> {
  const map = stage.server.store.get(ref)?.metadata[field];
  const path = `/metadata/${field}/${escaped(key)}`;
  const operations: PatchOperation[] =
    value === undefined
      ? [{ op: 'remove', path }]
      : map === undefined
        ? [{ op: 'add', path: `/metadata/${field}`, value: { [key]: value } }]
        : [{ op: 'add', path, value }];
  if (value !== undefined || map?.[key] !== undefined) await stage.server.admin.patch(ref, operations);
}

export const optOut = (stage: Stage, namespace: string, on: boolean): Promise<void> =>
  mark(
    stage,
    { resource: kinds.Namespaces, name: namespace },
    { field: 'labels', key: INJECTION, value: on ? 'disabled' : undefined },
  );

export async function templateOptOut(stage: Stage, key: string, on: boolean): Promise<void> {
  const set = setOf(stage.server.store, key);
  if (!set) return;
  const { annotations } = specOf(set).template.metadata ?? {};
  const ref = { resource: kinds.StatefulSets, namespace: set.metadata.namespace, name: set.metadata.name };
  const path = `${ANNOTATIONS}/${escaped(INJECTION)}`;
  const value = 'disabled';
  const add: PatchOperation = annotations
    ? { op: 'add', path, value }
    : { op: 'add', path: ANNOTATIONS, value: { [INJECTION]: value } };
  if (on) await stage.server.admin.patch(ref, [add]);
  else if (annotations?.[INJECTION] !== undefined)
    await stage.server.admin.patch(ref, [{ op: 'remove', path }]);
}

/** Restores the shipped webhook configuration. */
export async function restoreWebhook(stage: Stage): Promise<void> {
  const live = stage.server.store.get(WEBHOOK_REF);
  if (!live) await stage.server.admin.create(WEBHOOK_REF.resource, WEBHOOK);
  else await stage.server.admin.replace(WEBHOOK_REF, { ...live, webhooks: WEBHOOK.webhooks });
}

async function narrow(stage: Stage, { by, namespace, name, ms }: Of<'narrow'>): Promise<void> {
  until(stage, ms, () => restoreWebhook(stage));
  if (by === 'gone') return stage.server.admin.delete(WEBHOOK_REF, {});
  const live = stage.server.store.get(WEBHOOK_REF);
  if (!live) return;
  const entry = fieldsAt((live.webhooks as unknown[])[0]);
  const field = by === 'namespace' ? 'namespaceSelector' : 'objectSelector';
  const selector = fieldsAt(entry[field]);
  const shut =
    by === 'namespace'
      ? { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [namespace] }
      : { key: 'app.kubernetes.io/instance', operator: 'NotIn', values: [name] };
  const matchExpressions = [...((selector.matchExpressions as unknown[]) ?? []), shut];
  const webhooks = [{ ...entry, [field]: { ...selector, matchExpressions } }];
  await stage.server.admin.replace(WEBHOOK_REF, { ...live, webhooks });
}

function restAtBump(stage: Stage, { ms, meanwhileMs, meanwhile }: Of<'controllerRestsAtBump'>): void {
  stage.atNextBump.set('*', (node) => {
    stage.controller.rest(ms);
    stage.time.schedule(meanwhileMs, () => {
      stage.say(`· then, while the controller rests: ${meanwhile}`);
      void Promise.resolve(MEANWHILE[meanwhile](stage, node)).catch(() => undefined);
    });
  });
}

const pauseAll = (stage: Stage, value: string | undefined) =>
  mark(
    stage,
    { resource: kinds.ConfigMaps, namespace: OWN, name: OWN },
    { field: 'annotations', key: 'stellar.org/peer-rollout', value },
  );

/** Actions between our write and the return of the controller. Actions of people are undone minutes later. */
const MEANWHILE: Readonly<
  Record<Of<'controllerRestsAtBump'>['meanwhile'], (stage: Stage, node: string) => unknown>
> = {
  nothing: () => undefined,
  pause: (stage) => {
    until(stage, 400_000, () => pauseAll(stage, undefined));
    return pauseAll(stage, 'paused');
  },
  down: (stage, node) => {
    const group = stage.plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === node)?.network;
    for (const { namespace, name, network } of stage.plan.nodes) {
      if (network !== group || `${namespace}/${name}` === node) continue;
      stage.kubelet.setReady(namespace, `${name}-0`, false);
      until(stage, 400_000, () => stage.kubelet.setReady(namespace, `${name}-0`, true));
      return;
    }
  },
  optOut: (stage, node) => {
    const [namespace = ''] = node.split('/');
    until(stage, 400_000, () => optOut(stage, namespace, false));
    return optOut(stage, namespace, true);
  },
  partition: (stage, node) => {
    const [namespace = '', name = ''] = node.split('/');
    const ref = { resource: kinds.StatefulSets, namespace, name };
    const set = (partition: number): Promise<unknown> =>
      stage.server.admin.patch(ref, [
        {
          op: 'add',
          path: '/spec/updateStrategy',
          value: { type: 'RollingUpdate', rollingUpdate: { partition } },
        },
      ]);
    until(stage, 400_000, () => set(0));
    return set(1);
  },
};

/** Adds closed entries of a group that is gone, until the journal has that many bytes. */
async function fillJournal(stage: Stage, { bytes, ageHours }: Of<'fillJournal'>): Promise<void> {
  const live =
    stage.server.store.get(JOURNAL_REF) ??
    (await stage.server.admin.create(JOURNAL_REF.resource, {
      metadata: { namespace: OWN, name: JOURNAL_REF.name },
    }));
  const data = fieldsAt(live.data) as Record<string, string>;
  const used = Object.entries(data).reduce(
    (sum, [key, text]) => sum + key.length + text.length,
    FILLER.length,
  );
  const at = new Date(stage.time.nowMs() - ageHours * 3_600_000).toISOString();
  const text = fillerOf(bytes - used, at);
  await stage.server.admin.replace(JOURNAL_REF, { ...live, data: { ...data, [FILLER]: text } });
}

function fillerOf(bytes: number, at: string): string {
  const entryOf = (index: number, uids: readonly string[]) =>
    JSON.stringify({
      ...{ at, statefulSet: `gone/v${index}`, kind: 'bump', uids, token: `t.${index}`, drift: 'short' },
      ...{ outcome: 'done', endedAt: at },
    });
  const one = entryOf(10_000, ['u'.repeat(10_000)]);
  const count = Math.max(1, Math.floor(bytes / (one.length + 1)) - 1);
  const entries = Array.from({ length: count }, (_, index) => entryOf(10_000 + index, ['u'.repeat(10_000)]));
  const frame = `{"restarts":[${entries.join()},${entryOf(20_000, [''])}]}\n`;
  const last = entryOf(20_000, ['u'.repeat(Math.max(0, bytes - frame.length))]);
  return `{"restarts":[${entries.join()},${last}]}\n`;
}

export const HINDERING: Handlers = {
  optOut: (stage, { namespace, on }) => optOut(stage, namespace, on),
  templateOptOut: (stage, { node, on }) => {
    const { namespace, name } = stage.plan.nodes[node] ?? { namespace: '', name: '' };
    return templateOptOut(stage, `${namespace}/${name}`, on);
  },
  narrow,
  refuse: (stage, { ms, ...obstacle }) => until(stage, ms, stage.policies.add(obstacle)),
  unstamp: (stage, { node }) => {
    const { namespace, name } = stage.plan.nodes[node] ?? { namespace: '', name: '' };
    const ref = { resource: kinds.Pods, namespace, name: `${name}-0` };
    return mark(stage, ref, { field: 'annotations', key: STAMP, value: undefined });
  },
  onDelete: (stage, { node, upgradedMs }) => {
    const { namespace, name } = stage.plan.nodes[node] ?? { namespace: '', name: '' };
    stage.operator.leaveToPeople(`${namespace}/${name}`, true);
    until(stage, upgradedMs, () =>
      stage.server.admin.patch({ resource: kinds.StellarNodes, namespace, name }, [
        { op: 'add', path: '/spec/version', value: `v${stage.time.monotonicMs()}` },
      ]),
    );
  },
  controllerRests: (stage, { ms }) => stage.controller.rest(ms),
  controllerRestsAtBump: restAtBump,
  lateKind: (stage, { replica, kind, lateMs, ms }) =>
    until(stage, ms, stage.seatOf(replica).weather.late(kind, lateMs)),
  fillJournal,
  crashLoop: (stage, { ms, both }) => stage.crashLoop(ms, both),
};

/** True if the journal contains the filler entries. */
export const isFilled = (journal: KubeObject | undefined): boolean =>
  fieldsAt(journal?.data)[FILLER] !== undefined;
