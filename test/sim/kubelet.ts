/**
 * The simulated kubelets. A pod is scheduled, runs, becomes Ready and ends, each step after its own delay. A test can make
 * a pod lose readiness or restart its containers at any time. A kubelet writes times by its own clock.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import type { SimServer } from './api-server.ts';
import { fieldsAt } from './frozen.ts';
import { timestamp } from './metadata.ts';
import { machineOf, Scheduler } from './scheduler.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';
import { conditionsOf, isReady, isTerminating, phaseOf } from './workloads.ts';

const KUBELET = 'kubelet';

export interface KubeletOptions {
  readonly server: SimServer;
  readonly time: SimTime;
  /** From the creation of a pod until it has a machine. */
  readonly scheduleMs: (pod: KubeObject) => number;
  /** From the scheduling of a pod until its containers run. */
  readonly startMs: (pod: KubeObject) => number;
  /** From the start of the containers until the pod is Ready; Infinity for never. */
  readonly readyMs: (pod: KubeObject) => number;
  /** From the request to delete a pod until it is gone. */
  readonly terminateMs: (pod: KubeObject) => number;
  /** The number of machines; default: a new one for each pod. */
  readonly machines?: number;
  /** The status that the kubelet writes for a sidecar, without its name; default: the sidecar runs and is ready. */
  readonly sidecar?: (pod: KubeObject, startedAt: string) => object;
  /** How far the clock of a pod's kubelet is ahead; default: 0. */
  readonly skewMs?: (pod: KubeObject) => number;
}

interface Container {
  readonly name: string;
  /** `Always` for a sidecar: an init container that goes on running. */
  readonly restartPolicy?: string;
}

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #store: Store;
  readonly scheduler: Scheduler;
  #addresses = 0;
  /** Until when the kubelets of pods, by UID, do not reach the API server, monotonic ms. */
  readonly #silentUntilMs = new Map<string, number>();

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#store = options.server.store;
    this.scheduler = new Scheduler({ ...options, machines: options.machines ?? Number.POSITIVE_INFINITY });
    this.#store.onChange(({ resource, former, next }) => {
      if (resource.kind !== Pods.kind || !next) return;
      if (!former) this.#later(next, options.scheduleMs(next), (pod) => this.scheduler.place(pod));
      else if (machineOf(next) !== undefined && machineOf(former) === undefined) {
        this.#later(next, options.startMs(next), (pod) => this.#start(pod));
      } else if (isTerminating(next) && !isTerminating(former)) {
        const ms = options.terminateMs(next) + this.#silentForMs(next);
        this.#later(next, ms, (pod) => this.#store.remove(refOf(pod), KUBELET));
      }
    });
  }

  /** Makes the pod Ready or not Ready. Does nothing to a pod that does not run or is terminating. */
  setReady(namespace: string, name: string, ready: boolean): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (pod && phaseOf(pod) === 'Running' && !isTerminating(pod) && isReady(pod) !== ready) {
      this.#writeReady(pod, ready);
    }
  }

  /** Restarts the pod's containers in place. The pod is Ready again after `readyMs`. */
  restartContainers(namespace: string, name: string): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || phaseOf(pod) !== 'Running' || isTerminating(pod)) return;
    const status = fieldsAt(pod.status);
    const containerStatuses = containerStatesOf(pod).map((state) => ({
      ...state,
      restartCount: state.restartCount + 1,
      state: { running: { startedAt: this.#now(pod) } },
    }));
    const restarted = this.#store.writeStatus(refOf(pod), { ...status, containerStatuses }, KUBELET);
    this.setReady(namespace, name, false);
    this.#readyLater(restarted);
  }

  /**
   * The pod's kubelet does not reach the API server for `ms`, as with an expired certificate: the pod runs on, and the
   * node controller sets the pod not Ready. The container statuses stay, and the kubelet sees no deletion of the pod.
   */
  silence(namespace: string, name: string, ms: number): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || !isReady(pod) || isTerminating(pod)) return;
    this.#silentUntilMs.set(pod.metadata.uid ?? '', this.#options.time.monotonicMs() + ms);
    this.#writeReadyAlone(pod, false);
    this.#later(pod, ms, (live) => {
      if (areReady(live) && !isReady(live)) this.#writeReadyAlone(live, true);
    });
  }

  #silentForMs({ metadata }: KubeObject): number {
    const untilMs = this.#silentUntilMs.get(metadata.uid ?? '') ?? 0;
    return Math.max(0, untilMs - this.#options.time.monotonicMs());
  }

  #writeReadyAlone(pod: KubeObject, ready: boolean): void {
    const conditions = conditionsOf(pod).map((condition) =>
      condition.type === 'Ready' ? this.#condition(pod, 'Ready', ready) : condition,
    );
    this.#store.writeStatus(refOf(pod), { ...fieldsAt(pod.status), conditions }, KUBELET);
  }

  /**
   * The pod's machine reboots. The pod stays the same, but all its containers run again, the init containers first: they
   * read the mounted files as these are at that time.
   */
  reboot(namespace: string, name: string): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || phaseOf(pod) !== 'Running' || isTerminating(pod)) return;
    const { initContainers = [] } = fieldsAt(pod.spec) as Record<string, Container[]>;
    const conditions = conditionsOf(pod).map((condition) =>
      condition.type === 'Initialized' ? this.#condition(pod, 'Initialized', true) : condition,
    );
    const initContainerStatuses = initContainers.map((container) => this.#initState(pod, container));
    const status = { ...fieldsAt(pod.status), conditions, initContainerStatuses };
    this.#store.writeStatus(refOf(pod), status, KUBELET);
    this.restartContainers(namespace, name);
  }

  /** Ends each native sidecar and starts it again after `downMs`. Meanwhile the pod is not Ready, but its containers are. */
  endSidecars(namespace: string, name: string, downMs: number): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || phaseOf(pod) !== 'Running' || isTerminating(pod)) return;
    const wasReady = isReady(pod);
    this.#writeSidecars(pod, wasReady ? false : undefined, (restarts) => ({
      restartCount: restarts,
      state: { terminated: { exitCode: 137 } },
    }));
    this.#later(pod, downMs, (live) =>
      this.#writeSidecars(live, wasReady && areReady(live) ? true : undefined, (restarts) => ({
        restartCount: restarts + 1,
        state: { running: { startedAt: this.#now(live) } },
      })),
    );
  }

  #writeSidecars(pod: KubeObject, ready: boolean | undefined, of: (restarts: number) => object): void {
    const sidecars = new Set(
      ((fieldsAt(pod.spec).initContainers ?? []) as Container[])
        .filter(({ restartPolicy }) => restartPolicy === 'Always')
        .map((container) => container.name),
    );
    const status = fieldsAt(pod.status);
    const initContainerStatuses = ((status.initContainerStatuses ?? []) as ContainerState[]).map((state) =>
      sidecars.has(state.name) ? { ...state, ...of(state.restartCount) } : state,
    );
    const conditions = conditionsOf(pod).map((condition) =>
      condition.type === 'Ready' && ready !== undefined ? this.#condition(pod, 'Ready', ready) : condition,
    );
    this.#store.writeStatus(refOf(pod), { ...status, conditions, initContainerStatuses }, KUBELET);
  }

  /** Lets the pod fail for good, as if evicted for lack of memory. The StatefulSet controller then replaces it. */
  fail(namespace: string, name: string): void {
    const pod = this.#store.get({ resource: Pods, namespace, name });
    if (!pod || phaseOf(pod) === 'Failed' || isTerminating(pod)) return;
    this.setReady(namespace, name, false);
    const live = this.#store.get({ resource: Pods, namespace, name }) ?? pod;
    this.#store.writeStatus(
      refOf(pod),
      { ...fieldsAt(live.status), phase: 'Failed', reason: 'Evicted' },
      KUBELET,
    );
  }

  /** Calls `fn` with the pod after `ms`, unless the pod is gone, or has begun to terminate since this call. */
  #later({ metadata }: KubeObject, ms: number, fn: (pod: KubeObject) => void): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    const wasTerminating = metadata.deletionTimestamp !== undefined;
    this.#options.time.schedule(ms, () => {
      const live = this.#store.get(refOf({ metadata }));
      if (!live || live.metadata.uid !== metadata.uid) return;
      if (wasTerminating || !isTerminating(live)) fn(live);
    });
  }

  #start(pod: KubeObject): void {
    if (phaseOf(pod) === 'Failed') return;
    const ip = this.#address();
    const { containers = [], initContainers = [] } = fieldsAt(pod.spec) as Record<string, Container[]>;
    const started = this.#store.writeStatus(
      refOf(pod),
      {
        phase: 'Running',
        startTime: this.#now(pod),
        hostIP: '127.0.0.1',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [
          ...conditionsOf(pod),
          this.#condition(pod, 'Initialized', true),
          this.#condition(pod, 'ContainersReady', false),
          this.#condition(pod, 'Ready', false),
        ],
        containerStatuses: containers.map(({ name }) => ({
          name,
          ready: false,
          restartCount: 0,
          state: { running: { startedAt: this.#now(pod) } },
        })),
        initContainerStatuses: initContainers.map((container) => this.#initState(pod, container)),
      },
      KUBELET,
    );
    this.#readyLater(started);
  }

  #initState(pod: KubeObject, { name, restartPolicy }: Container): object {
    const now = this.#now(pod);
    const {
      sidecar = (_, startedAt) => ({ ready: true, restartCount: 0, state: { running: { startedAt } } }),
    } = this.#options;
    if (restartPolicy === 'Always') return { name, ...sidecar(pod, now) };
    const state = { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } };
    return { name, ready: true, restartCount: 0, state };
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
        ? this.#condition(pod, condition.type, ready)
        : condition,
    );
    const containerStatuses = containerStatesOf(pod).map((state) => ({ ...state, ready }));
    this.#store.writeStatus(refOf(pod), { ...fieldsAt(pod.status), conditions, containerStatuses }, KUBELET);
  }

  #condition(pod: KubeObject, type: string, isTrue: boolean) {
    return { type, status: isTrue ? 'True' : 'False', lastTransitionTime: this.#now(pod) };
  }

  /** The time by the clock of the pod's machine. */
  #now(pod: KubeObject): string {
    const { skewMs = () => 0, time } = this.#options;
    return timestamp(time.nowMs() + skewMs(pod));
  }

  /** A new IP address. A new pod never gets the address of an old one. */
  #address(): string {
    this.#addresses += 1;
    const rest = this.#addresses;
    return `127.${1 + (Math.floor(rest / 65_025) % 254)}.${Math.floor(rest / 255) % 255}.${1 + (rest % 254)}`;
  }
}

interface ContainerState {
  readonly name: string;
  readonly restartCount: number;
  readonly ready?: boolean;
}

const containerStatesOf = ({ status }: KubeObject): readonly ContainerState[] =>
  (fieldsAt(status).containerStatuses ?? []) as readonly ContainerState[];

/** True if all containers of the pod are ready, whatever its sidecars are. */
export const areReady = (pod: KubeObject): boolean =>
  containerStatesOf(pod).length > 0 && containerStatesOf(pod).every(({ ready }) => ready);

const refOf = ({ metadata }: Pick<KubeObject, 'metadata'>) => ({
  resource: Pods,
  namespace: metadata.namespace,
  name: metadata.name,
});
