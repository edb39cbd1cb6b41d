/**
 * The simulated scheduler and kubelets: a pod is scheduled, runs, turns Ready and goes, each after a time that is
 * drawn for it; and it can be made to lose readiness, or to restart its containers, at any time.
 */
import type { KubeObject } from '../../runtime/kube.ts';
import { Pods } from '../../runtime/resources.ts';
import type { SimServer } from './api-server.ts';
import { fieldsAt } from './frozen.ts';
import { timestamp } from './metadata.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';
import { conditionsOf, isReady, isTerminating, phaseOf } from './workloads.ts';

const SCHEDULER = 'scheduler';
const KUBELET = 'kubelet';

export interface KubeletOptions {
  readonly server: SimServer;
  readonly time: SimTime;
  /** From its creation until a pod has a machine. */
  readonly scheduleMs: (pod: KubeObject) => number;
  /** From then until its containers run. */
  readonly startMs: (pod: KubeObject) => number;
  /** From then until it is Ready; Infinity for never. */
  readonly readyMs: (pod: KubeObject) => number;
  /** From the request to delete it until it is gone. */
  readonly terminateMs: (pod: KubeObject) => number;
}

interface Container {
  readonly name: string;
}

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #store: Store;
  #machines = 0;
  #addresses = 0;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#store = options.server.store;
    this.#store.onChange(({ resource, former, next }) => {
      if (resource.kind !== Pods.kind || !next) return;
      if (!former) this.#later(next, options.scheduleMs(next), (pod) => this.#schedule(pod));
      else if (former && isTerminating(next) && !isTerminating(former)) {
        this.#later(next, options.terminateMs(next), (pod) => this.#store.remove(refOf(pod), KUBELET));
      }
    });
  }

  /** The pod is Ready from now on, or no more; nothing happens to one that does not run or is going. */
  setReady(namespace: string, name: string, ready: boolean): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (pod && phaseOf(pod) === 'Running' && !isTerminating(pod) && isReady(pod) !== ready) {
      this.#writeReady(pod, ready);
    }
  }

  /** Its containers end and start again in place; it is Ready again after its time. */
  restartContainers(namespace: string, name: string): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || phaseOf(pod) !== 'Running' || isTerminating(pod)) return;
    const status = fieldsAt(pod.status);
    const containerStatuses = containerStatesOf(pod).map((state) => ({
      ...state,
      restartCount: state.restartCount + 1,
      state: { running: { startedAt: this.#now() } },
    }));
    const restarted = this.#store.writeStatus(refOf(pod), { ...status, containerStatuses }, KUBELET);
    this.setReady(namespace, name, false);
    this.#readyLater(restarted);
  }

  /** Acts on the pod as it is then, if it is still the same and not going; a removal happens anyway. */
  #later({ metadata }: KubeObject, ms: number, fn: (pod: KubeObject) => void): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    const wasTerminating = metadata.deletionTimestamp !== undefined;
    this.#options.time.schedule(ms, () => {
      const live = this.#store.get(refOf({ metadata }));
      if (!live || live.metadata.uid !== metadata.uid) return;
      if (wasTerminating || !isTerminating(live)) fn(live);
    });
  }

  #schedule(pod: KubeObject): void {
    this.#machines += 1;
    const nodeName = `machine-${this.#machines}`;
    this.#store.patch(refOf(pod), [{ op: 'add', path: '/spec/nodeName', value: nodeName }], {
      by: SCHEDULER,
      manager: SCHEDULER,
    });
    const conditions = [this.#condition('PodScheduled', true)];
    const scheduled = this.#store.writeStatus(refOf(pod), { phase: 'Pending', conditions }, SCHEDULER);
    this.#later(scheduled, this.#options.startMs(scheduled), (live) => this.#start(live));
  }

  #start(pod: KubeObject): void {
    const ip = this.#address();
    const { containers = [], initContainers = [] } = fieldsAt(pod.spec) as Record<string, Container[]>;
    const started = this.#store.writeStatus(
      refOf(pod),
      {
        phase: 'Running',
        startTime: this.#now(),
        hostIP: '127.0.0.1',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [
          ...conditionsOf(pod),
          this.#condition('Initialized', true),
          this.#condition('ContainersReady', false),
          this.#condition('Ready', false),
        ],
        containerStatuses: containers.map(({ name }) => ({
          name,
          ready: false,
          restartCount: 0,
          state: { running: { startedAt: this.#now() } },
        })),
        initContainerStatuses: initContainers.map(({ name }) => ({
          name,
          ready: true,
          restartCount: 0,
          state: { terminated: { exitCode: 0, reason: 'Completed', finishedAt: this.#now() } },
        })),
      },
      KUBELET,
    );
    this.#readyLater(started);
  }

  #readyLater(pod: KubeObject): void {
    const restarts = containerStatesOf(pod)[0]?.restartCount;
    this.#later(pod, this.#options.readyMs(pod), (live) => {
      if (containerStatesOf(live)[0]?.restartCount !== restarts) return;
      this.setReady(live.metadata.namespace ?? '', live.metadata.name, true);
    });
  }

  #writeReady(pod: KubeObject, ready: boolean): void {
    const conditions = conditionsOf(pod).map((condition) =>
      condition.type === 'Ready' || condition.type === 'ContainersReady'
        ? this.#condition(condition.type, ready)
        : condition,
    );
    const containerStatuses = containerStatesOf(pod).map((state) => ({ ...state, ready }));
    this.#store.writeStatus(refOf(pod), { ...fieldsAt(pod.status), conditions, containerStatuses }, KUBELET);
  }

  #condition(type: string, isTrue: boolean) {
    return { type, status: isTrue ? 'True' : 'False', lastTransitionTime: this.#now() };
  }

  #now(): string {
    return timestamp(this.#options.time.nowMs());
  }

  /** As on a real network, a new pod never has the old one's. */
  #address(): string {
    this.#addresses += 1;
    const rest = this.#addresses;
    return `127.${1 + (Math.floor(rest / 65_025) % 254)}.${Math.floor(rest / 255) % 255}.${1 + (rest % 254)}`;
  }
}

interface ContainerState {
  readonly name: string;
  readonly restartCount: number;
}

const containerStatesOf = ({ status }: KubeObject): readonly ContainerState[] =>
  (fieldsAt(status).containerStatuses ?? []) as readonly ContainerState[];

const refOf = ({ metadata }: Pick<KubeObject, 'metadata'>) => ({
  resource: Pods,
  namespace: metadata.namespace,
  name: metadata.name,
});
