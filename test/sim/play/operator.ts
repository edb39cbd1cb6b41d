/**
 * The stand-in operator of a simulated cluster. It makes StatefulSets and budgets from StellarNodes after a short delay, or
 * after a pause.
 */
import type { Kube, KubeObject } from '../../../runtime/kube/port.ts';
import { PodDisruptionBudgets, StatefulSets, StellarNodes } from '../../../runtime/kube/resources.ts';
import { disruptionBudget, statefulSet } from '../../cluster/operator-objects.ts';
import type { SimServer } from '../api-server.ts';
import { fieldsAt } from '../frozen.ts';
import type { Random } from '../random.ts';
import type { SimTime } from '../time.ts';
import { WorkQueue } from '../work-queue.ts';

const NAME = 'stellar-operator';
const APPLY = { manager: NAME, force: true };

export class Operator {
  readonly #kube: Kube;
  readonly #server: SimServer;
  readonly #time: SimTime;
  readonly #queue: WorkQueue;
  #restsUntilMs = 0;
  /** StatefulSets with OnDelete, whose pods people must replace. */
  readonly #onDelete = new Set<string>();
  /** Whether the flapping labels are set, by StatefulSet. */
  readonly #labelled = new Map<string, boolean>();

  constructor({ server, time, random }: { server: SimServer; time: SimTime; random: Random }) {
    this.#server = server;
    this.#time = time;
    this.#kube = server.actor(NAME);
    this.#queue = new WorkQueue({
      time,
      workers: 1,
      reactMs: () => random.int(5, 300),
      work: (key) => this.#reconcile(key),
    });
    server.store.onChange(({ resource, former, next }) => {
      const object = next ?? former;
      if (!object) return;
      const { namespace, name } = object.metadata;
      if (resource.kind === StellarNodes.kind && next) this.#queue.add(`${namespace}/${name}`);
      // Make an object again if another program has deleted it.
      if (resource.kind === StatefulSets.kind && !next) this.#queue.add(`${namespace}/${name}`);
    });
  }

  /** Pauses the operator for this time, as during its upgrade. */
  rest(ms: number): void {
    this.#restsUntilMs = this.#time.monotonicMs() + ms;
  }

  /** From now on, makes this StatefulSet with OnDelete, or as usual. */
  leaveToPeople(key: string, on: boolean): void {
    if (on) this.#onDelete.add(key);
    else this.#onDelete.delete(key);
    this.#queue.add(key);
  }

  /** For this time, changes its StatefulSets every 1.5 s without a reason, as the upstream operator does. */
  fidget(ms: number): void {
    const untilMs = this.#time.monotonicMs() + ms;
    const touch = (labelled: boolean) => {
      if (this.#time.monotonicMs() > untilMs && labelled) return;
      for (const set of this.#server.store.all(StatefulSets)) {
        const { namespace = '', name } = set.metadata;
        this.#labelled.set(`${namespace}/${name}`, labelled);
        void this.#reconcile(`${namespace}/${name}`).catch(() => undefined);
      }
      this.#time.schedule(1_500, () => touch(!labelled));
    };
    touch(false);
  }

  async #reconcile(key: string): Promise<void> {
    const restsForMs = this.#restsUntilMs - this.#time.monotonicMs();
    if (restsForMs > 0) return this.#queue.addLater(key, restsForMs);
    const [namespace = '', name = ''] = key.split('/');
    const node = this.#server.store.get({ resource: StellarNodes, namespace, name });
    if (!node || node.metadata.deletionTimestamp) return;
    if ((node.spec as { maintenanceMode?: boolean }).maintenanceMode) return;
    const typed: KubeObject = { ...node, apiVersion: StellarNodes.apiVersion, kind: StellarNodes.kind };
    const refOf = { namespace, name };
    const made = statefulSet(typed, this.#labelled.get(key) ?? true);
    const spec = { ...fieldsAt(made.spec), updateStrategy: { type: 'OnDelete' } };
    const wanted = this.#onDelete.has(key) ? { ...made, spec } : made;
    await this.#kube.apply({ resource: StatefulSets, ...refOf }, wanted, APPLY);
    await this.#kube.apply({ resource: PodDisruptionBudgets, ...refOf }, disruptionBudget(typed), APPLY);
  }
}
