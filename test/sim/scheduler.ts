/**
 * The simulated scheduler: gives each pod a machine. If the pod's anti-affinity excludes every machine, the pod gets the
 * condition Unschedulable and waits. The pod that has waited longest takes the first free machine.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Pods } from '../../runtime/kube/resources.ts';
import type { SimServer } from './api-server.ts';
import { fieldsAt } from './frozen.ts';
import { timestamp } from './metadata.ts';
import { objectSelects } from './selectors.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';
import { isTerminating } from './workloads.ts';

const SCHEDULER = 'scheduler';
/** From the moment at which a machine becomes free until a waiting pod gets it. */
const REASSIGN_MS = 20;

export class Scheduler {
  readonly #store: Store;
  readonly #time: SimTime;
  /** The waiting pods by UID, the one that has waited longest first. */
  readonly #waiting = new Map<string, { readonly namespace: string; readonly name: string }>();
  #machines: number;
  #machinesMade = 0;

  /** `machines`: their number. If it is Infinity, each pod gets a new machine. */
  constructor(options: { server: SimServer; time: SimTime; machines: number }) {
    this.#store = options.server.store;
    this.#time = options.time;
    this.#machines = options.machines;
    this.#store.onChange(({ resource, former, next }) => {
      if (resource.kind !== Pods.kind || next || !former) return;
      this.#waiting.delete(former.metadata.uid ?? '');
      if (machineOf(former) !== undefined) this.#time.schedule(REASSIGN_MS, () => this.#placeWaiting());
    });
  }

  /** Changes the number of machines. */
  resize(machines: number): void {
    this.#machines = machines;
    this.#placeWaiting();
  }

  /** Gives the pod a machine, or lets it wait. */
  place(pod: KubeObject): void {
    const { uid = '', namespace = '', name } = pod.metadata;
    const machine = this.#freeFor(pod);
    if (machine === undefined) {
      this.#waiting.set(uid, { namespace, name });
      this.#note(pod, {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: `0/${this.#machines} nodes are available: didn't match pod anti-affinity rules.`,
      });
      return;
    }
    this.#waiting.delete(uid);
    this.#note(pod, { type: 'PodScheduled', status: 'True' });
    this.#store.patch(refOf(pod), [{ op: 'add', path: '/spec/nodeName', value: machine }], {
      by: SCHEDULER,
      manager: SCHEDULER,
    });
  }

  #placeWaiting(): void {
    for (const [uid, { namespace, name }] of [...this.#waiting]) {
      const pod = this.#store.get({ resource: Pods, namespace, name });
      if (pod?.metadata.uid !== uid || isTerminating(pod)) this.#waiting.delete(uid);
      else if (this.#freeFor(pod) !== undefined) this.place(pod);
    }
  }

  #freeFor(pod: KubeObject): string | undefined {
    if (this.#machines === Number.POSITIVE_INFINITY) {
      this.#machinesMade += 1;
      return `machine-${this.#machinesMade}`;
    }
    const excluded = this.#excludedFor(pod);
    for (let index = 1; index <= this.#machines; index += 1) {
      if (!excluded.has(`machine-${index}`)) return `machine-${index}`;
    }
    return undefined;
  }

  /** Machines that run a pod which the required anti-affinity selects. Only pods of the same namespace count. */
  #excludedFor({ metadata, spec }: KubeObject): Set<string> {
    const { podAntiAffinity } = fieldsAt(fieldsAt(spec).affinity);
    const rules = fieldsAt(podAntiAffinity).requiredDuringSchedulingIgnoredDuringExecution;
    const selectors = (Array.isArray(rules) ? rules : []).map((rule) => fieldsAt(rule).labelSelector);
    const excluded = new Set<string>();
    for (const other of this.#store.all(Pods)) {
      const machine = machineOf(other);
      if (machine === undefined || other.metadata.namespace !== metadata.namespace) continue;
      if (selectors.some((selector) => objectSelects(selector, other.metadata.labels))) excluded.add(machine);
    }
    return excluded;
  }

  #note(
    pod: KubeObject,
    condition: { readonly type: string; readonly status: string; readonly [key: string]: string },
  ) {
    const lastTransitionTime = timestamp(this.#time.nowMs());
    const status = { phase: 'Pending', conditions: [{ ...condition, lastTransitionTime }] };
    this.#store.writeStatus(refOf(pod), status, SCHEDULER);
  }
}

/** The name of the pod's machine; undefined before it is scheduled. */
export const machineOf = ({ spec }: KubeObject): string | undefined =>
  fieldsAt(spec).nodeName as string | undefined;

const refOf = ({ metadata }: KubeObject) => ({
  resource: Pods,
  namespace: metadata.namespace,
  name: metadata.name,
});
