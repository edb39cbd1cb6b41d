/** The simulated StatefulSet controller: a little after a change, it creates and deletes pods and writes the status. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import type { SimServer } from './api-server.ts';
import { frozen } from './frozen.ts';
import { Revisions } from './revisions.ts';
import { type Creation, type Step, stepOf } from './roll.ts';
import type { SimTime } from './time.ts';
import { WorkQueue } from './work-queue.ts';
import { controllerOf, ordinalOf, REVISION_LABEL, specOf } from './workloads.ts';

const NAME = 'statefulset-controller';
/** The number of workers, as in Kubernetes. A worker is busy while a pod of its set is held in admission. */
const WORKERS = 5;
const NAP_MS = 1_000;

export class StatefulSetController {
  readonly #server: SimServer;
  readonly #time: SimTime;
  readonly #queue: WorkQueue;
  readonly #revisions = new Revisions();
  readonly #isOld: boolean;
  #restsUntilMs = 0;
  /** Old StatefulSets in the controller's cache, by UID, and until when they stay there. */
  readonly #behind = new Map<string, { readonly set: KubeObject; readonly untilMs: number }>();

  /** `reactMs` is drawn for each change: how long until the controller acts on it. */
  constructor(options: {
    server: SimServer;
    time: SimTime;
    reactMs: () => number;
    /** True to behave like Kubernetes up to 1.35, which never changes `currentRevision` under OnDelete. */
    isOld?: boolean;
  }) {
    this.#isOld = options.isOld ?? false;
    this.#server = options.server;
    this.#time = options.time;
    this.#queue = new WorkQueue({
      time: options.time,
      workers: WORKERS,
      reactMs: options.reactMs,
      work: (key) => this.#sync(key),
    });
    options.server.store.onChange(({ resource, former, next }) => {
      const object = next ?? former;
      if (!object) return;
      if (resource.kind === StatefulSets.kind) {
        if (next) this.#queue.add(keyOf(object, object.metadata.name));
        else this.#revisions.forget(object);
      }
      if (resource.kind !== Pods.kind) return;
      const owner = controllerOf(object);
      if (owner?.kind === StatefulSets.kind) this.#queue.add(keyOf(object, owner.name));
    });
  }

  /** Pauses the controller, as if the controller manager had no leader. Afterwards it handles all that it has missed. */
  rest(ms: number): void {
    this.#restsUntilMs = Math.max(this.#restsUntilMs, this.#time.monotonicMs() + ms);
  }

  /** True while the controller is paused. */
  get rests(): boolean {
    return this.#restsUntilMs > this.#time.monotonicMs();
  }

  /** For how long the controller has worked since the last pause, in ms; 0 during a pause. */
  get awakeForMs(): number {
    return this.#restsUntilMs === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.#time.monotonicMs() - this.#restsUntilMs);
  }

  /** Ends the pause at once. */
  wake(): void {
    this.#restsUntilMs = Math.min(this.#restsUntilMs, this.#time.monotonicMs());
  }

  /** For this time the controller's cache shows `set` with these annotations of its template. */
  isBehind(set: KubeObject, annotations: Readonly<Record<string, string>>, ms: number): void {
    const { metadata = {}, spec } = specOf(set).template;
    const template = { metadata: { ...metadata, annotations }, spec };
    const generation = (set.metadata.generation ?? 1) - 1;
    this.#behind.set(set.metadata.uid ?? '', {
      set: frozen({
        ...set,
        metadata: { ...set.metadata, generation },
        spec: { ...(set.spec as object), template },
      }),
      untilMs: this.#time.monotonicMs() + ms,
    });
    this.#time.schedule(ms, () => this.#queue.add(keyOf(set, set.metadata.name)));
  }

  /** The StatefulSet in the controller's cache. */
  #seen(set: KubeObject): KubeObject {
    const known = this.#behind.get(set.metadata.uid ?? '');
    return known && known.untilMs > this.#time.monotonicMs() ? { ...known.set, status: set.status } : set;
  }

  /** Adopts pods without an owner that have the right names and labels. */
  #adopt({ metadata, spec }: KubeObject): void {
    const { namespace, name, uid = '' } = metadata;
    const { matchLabels = {} } = (spec as { selector: { matchLabels?: Record<string, string> } }).selector;
    for (const pod of [...this.#server.store.all(Pods)]) {
      const isNamed =
        pod.metadata.name === `${name}-${ordinalOf(pod)}` && pod.metadata.namespace === namespace;
      const isSelected = Object.entries(matchLabels).every(
        ([key, value]) => pod.metadata.labels?.[key] === value,
      );
      if (!isNamed || !isSelected || pod.metadata.ownerReferences?.length) continue;
      const owner = { apiVersion: StatefulSets.apiVersion, kind: StatefulSets.kind, name, uid };
      const value = [{ ...owner, controller: true, blockOwnerDeletion: true }];
      const path = '/metadata/ownerReferences';
      this.#server.store.patch(refOf(pod), [{ op: 'add', path, value }], { by: NAME, manager: NAME });
    }
  }

  #sync(key: string): void | Promise<void> {
    // Look again after a short time, because the pause may end early.
    if (this.rests) return this.#queue.addLater(key, NAP_MS);
    const [namespace = '', name = ''] = key.split('/');
    const live = this.#server.store.get({ resource: StatefulSets, namespace, name });
    if (!live) return;
    this.#adopt(live);
    const set = this.#seen(live);
    const { uid } = set.metadata;
    const pods = [...this.#server.store.all(Pods)].filter((pod) => controllerOf(pod)?.uid === uid);
    const revisions = this.#revisions.of(set);
    const step = stepOf({ set, pods, ...revisions, nowMs: this.#time.nowMs(), isOld: this.#isOld });
    for (const pod of step.remove) this.#server.store.delete(refOf(pod), { by: NAME });
    if (step.create.length === 0) return this.#finish(set, key, step);
    return this.#create(set, step.create).finally(() => this.#finish(set, key, step));
  }

  async #create(set: KubeObject, creations: readonly Creation[]): Promise<void> {
    const kube = this.#server.actor(NAME);
    const made = await Promise.allSettled(creations.map((each) => kube.create(Pods, podOf(set, each))));
    const failed = made.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #finish(set: KubeObject, key: string, { status }: Step): void {
    const ref = { ...refOf(set), resource: StatefulSets };
    const live = this.#server.store.get(ref);
    if (live?.metadata.uid === set.metadata.uid) this.#server.store.writeStatus(ref, status, NAME);
    const { minReadySeconds = 0 } = specOf(set);
    if ((status.readyReplicas ?? 0) !== status.availableReplicas)
      this.#queue.addLater(key, minReadySeconds * 1000);
  }
}

const keyOf = ({ metadata }: KubeObject, name: string): string => `${metadata.namespace}/${name}`;
const refOf = ({ metadata }: KubeObject) => ({
  resource: Pods,
  namespace: metadata.namespace,
  name: metadata.name,
});

/** The pod as it is sent to the API server: the template with its identity. */
function podOf(set: KubeObject, { ordinal, revision }: Creation): KubeObject {
  const { name, namespace = '', uid = '' } = set.metadata;
  const { serviceName = '', volumeClaimTemplates = [] } = specOf(set);
  const { metadata = {}, spec } = revision.template;
  const podName = `${name}-${ordinal}`;
  const claims = volumeClaimTemplates.map((claim) => ({
    name: claim.metadata.name,
    persistentVolumeClaim: { claimName: `${claim.metadata.name}-${podName}` },
  }));
  const volumes = Array.isArray(spec.volumes) ? spec.volumes : [];
  const owner = { apiVersion: StatefulSets.apiVersion, kind: StatefulSets.kind, name, uid };
  return frozen({
    metadata: {
      generateName: `${name}-`,
      name: podName,
      namespace,
      labels: {
        ...metadata.labels,
        [REVISION_LABEL]: revision.name,
        'apps.kubernetes.io/pod-index': String(ordinal),
        'statefulset.kubernetes.io/pod-name': podName,
      },
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: { ...spec, volumes: [...volumes, ...claims], hostname: podName, subdomain: serviceName },
  });
}
