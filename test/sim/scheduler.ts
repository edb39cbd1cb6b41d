/**
 * The simulated scheduler: gives each pod a machine. Where machines are few, a pod whose anti-affinity finds none waits,
 * is told so, and takes the first that comes free, before those that come later.
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
/** From the moment at which a machine comes free until the first that waits for it has it. */
const TAKEN_MS = 20;

export class Scheduler {
  readonly #store: Store;
  readonly #time: SimTime;
  /** UIDs of the pods that wait, the first to come first. */
  readonly #waiting = new Map<string, { readonly namespace: string; readonly name: string }>();
  #machines: number;
  #made = 0;

  /** `machines`: how many there are; Infinity for a new one for each pod. */
  constructor(options: { server: SimServer; time: SimTime; machines: number }) {
    this.#store = options.server.store;
    this.#time = options.time;
    this.#machines = options.machines;
    this.#store.onChange(({ resource, former, next }) => {
      if (resource.kind !== Pods.kind || next || !former) return;
      this.#waiting.delete(former.metadata.uid ?? '');
      if (machineOf(former) !== undefined) this.#time.schedule(TAKEN_MS, () => this.#serve());
    });
  }

  /** From now on there are that many. */
  resize(machines: number): void {
    this.#machines = machines;
    this.#serve();
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

  #serve(): void {
    for (const [uid, { namespace, name }] of [...this.#waiting]) {
      const pod = this.#store.get({ resource: Pods, namespace, name });
      if (pod?.metadata.uid !== uid || isTerminating(pod)) this.#waiting.delete(uid);
      else if (this.#freeFor(pod) !== undefined) this.place(pod);
    }
  }

  #freeFor(pod: KubeObject): string | undefined {
    if (this.#machines === Number.POSITIVE_INFINITY) {
      this.#made += 1;
      return `machine-${this.#made}`;
    }
    const shunned = this.#shunnedBy(pod);
    for (let index = 1; index <= this.#machines; index += 1) {
      if (!shunned.has(`machine-${index}`)) return `machine-${index}`;
    }
    return undefined;
  }

  /** Machines with a pod that its required anti-affinity selects: of its own namespace, as where none is named. */
  #shunnedBy({ metadata, spec }: KubeObject): Set<string> {
    const { podAntiAffinity } = fieldsAt(fieldsAt(spec).affinity);
    const rules = fieldsAt(podAntiAffinity).requiredDuringSchedulingIgnoredDuringExecution;
    const selectors = (Array.isArray(rules) ? rules : []).map((rule) => fieldsAt(rule).labelSelector);
    const shunned = new Set<string>();
    for (const other of this.#store.all(Pods)) {
      const machine = machineOf(other);
      if (machine === undefined || other.metadata.namespace !== metadata.namespace) continue;
      if (selectors.some((selector) => objectSelects(selector, other.metadata.labels))) shunned.add(machine);
    }
    return shunned;
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

/** The machine that a pod has. */
export const machineOf = ({ spec }: KubeObject): string | undefined =>
  fieldsAt(spec).nodeName as string | undefined;

const refOf = ({ metadata }: KubeObject) => ({
  resource: Pods,
  namespace: metadata.namespace,
  name: metadata.name,
});
