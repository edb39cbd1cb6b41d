/** The simulated disruption controller. It updates the status of PodDisruptionBudgets a little after each change. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { PodDisruptionBudgets, Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import type { SimServer } from './api-server.ts';
import { fieldsAt } from './frozen.ts';
import { objectSelects } from './selectors.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';
import { WorkQueue } from './work-queue.ts';
import { controllerOf, isReady, isTerminating, scaled, specOf } from './workloads.ts';

const NAME = 'disruption-controller';

export class DisruptionController {
  readonly #store: Store;
  readonly #queue: WorkQueue;
  #changes = 0;

  /** `reactMs` is drawn for each change: the time until the status is updated. */
  constructor(options: { server: SimServer; time: SimTime; reactMs: () => number }) {
    const { store } = options.server;
    this.#store = store;
    this.#queue = new WorkQueue({
      time: options.time,
      workers: 1,
      reactMs: options.reactMs,
      work: (key) => this.#sync(key),
    });
    store.onChange(({ resource, former, next }) => {
      if (resource.kind === PodDisruptionBudgets.kind && next) this.#queue.add(keyOf(next));
      if (resource.kind !== Pods.kind) return;
      this.#changes += 1;
      for (const pod of [former, next]) if (pod) this.#touch(pod);
    });
  }

  /** Handles a change of a pod. As in Kubernetes, it updates only the first of the pod's budgets. */
  #touch(pod: KubeObject): void {
    const budgets = [...this.#store.all(PodDisruptionBudgets)].filter((pdb) => selects(pdb, pod));
    const pdb = budgets[this.#changes % budgets.length];
    if (pdb) this.#queue.add(keyOf(pdb));
  }

  #sync(key: string): void {
    const [namespace = '', name = ''] = key.split('/');
    const ref = { resource: PodDisruptionBudgets, namespace, name };
    const pdb = this.#store.get(ref);
    if (!pdb) return;
    const pods = [...this.#store.all(Pods)].filter((pod) => selects(pdb, pod));
    const expectation = expectationOf(pdb, pods, this.#store);
    // Without the scale of a controller, allow no disruption and keep the other fields.
    const status = expectation
      ? statusOf(pdb, pods, expectation)
      : { ...fieldsAt(pdb.status), disruptionsAllowed: 0 };
    this.#store.writeStatus(ref, status, NAME);
  }
}

interface Expectation {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

const selects = (pdb: KubeObject, pod: KubeObject): boolean =>
  pdb.metadata.namespace === pod.metadata.namespace &&
  objectSelects(fieldsAt(pdb.spec).selector, pod.metadata.labels);

/** The expected pods of a budget; undefined if the controller of a pod is not known. */
function expectationOf(pdb: KubeObject, pods: readonly KubeObject[], store: Store): Expectation | undefined {
  const { minAvailable, maxUnavailable } = fieldsAt(pdb.spec);
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') {
    return { expectedPods: pods.length, desiredHealthy: Number(minAvailable ?? 0) };
  }
  const expectedPods = scaleOf(pods, store);
  if (expectedPods === undefined) return undefined;
  const desiredHealthy =
    maxUnavailable === undefined
      ? scaled(minAvailable, expectedPods, Math.ceil)
      : Math.max(0, expectedPods - scaled(maxUnavailable, expectedPods, Math.ceil));
  return { expectedPods, desiredHealthy };
}

/** The replicas that all controllers of the pods want together. */
function scaleOf(pods: readonly KubeObject[], store: Store): number | undefined {
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner || scales.has(owner.uid)) continue;
    const ref = { resource: StatefulSets, namespace: pod.metadata.namespace, name: owner.name };
    const set = store.get(ref);
    if (set?.metadata.uid !== owner.uid) return undefined;
    scales.set(owner.uid, specOf(set).replicas);
  }
  return [...scales.values()].reduce((sum, scale) => sum + scale, 0);
}

function statusOf(
  pdb: KubeObject,
  pods: readonly KubeObject[],
  { expectedPods, desiredHealthy }: Expectation,
) {
  const currentHealthy = pods.filter((pod) => !isTerminating(pod) && isReady(pod)).length;
  const spare = Math.max(0, currentHealthy - desiredHealthy);
  return {
    observedGeneration: pdb.metadata.generation,
    expectedPods,
    desiredHealthy,
    currentHealthy,
    disruptionsAllowed: expectedPods <= 0 ? 0 : spare,
  };
}
