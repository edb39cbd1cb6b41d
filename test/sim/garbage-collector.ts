/** The simulated garbage collector and namespace controller: deletes objects whose owner or namespace is gone. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import * as kinds from '../../runtime/kube/resources.ts';
import type { SimServer } from './api-server.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';

const COLLECTOR = 'garbage-collector';
const NAMESPACES = 'namespace-controller';
/** Kinds that may have an owner, or that live in a namespace. */
const COLLECTED = [
  kinds.StellarNodes,
  kinds.StatefulSets,
  kinds.PodDisruptionBudgets,
  kinds.Services,
  kinds.ConfigMaps,
  kinds.Secrets,
  kinds.Leases,
  kinds.Pods,
];

export class GarbageCollector {
  readonly #store: Store;
  readonly #time: SimTime;
  readonly #reactMs: () => number;

  constructor(options: { server: SimServer; time: SimTime; reactMs: () => number }) {
    this.#store = options.server.store;
    this.#time = options.time;
    this.#reactMs = options.reactMs;
    this.#store.onChange(({ resource, former, next }) => {
      if (!next && former) this.#collectLater(former.metadata.uid ?? '');
      if (!former && next?.metadata.ownerReferences) this.#checkLater(resource, next);
      if (
        resource.kind === kinds.Namespaces.kind &&
        next?.metadata.deletionTimestamp &&
        former?.metadata.deletionTimestamp === undefined
      )
        this.#emptyLater(next);
    });
  }

  #collectLater(uid: string): void {
    const isOwned = ({ metadata }: KubeObject) =>
      metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
    // Most deleted objects owned nothing, so schedule no event for them.
    if (!this.#everything().some(({ object }) => isOwned(object))) return;
    this.#time.schedule(this.#reactMs(), () => {
      for (const each of this.#everything()) if (isOwned(each.object)) this.#deleteUnlessOwned(each);
    });
  }

  /** Checks a new object later: its owner may just have been deleted. */
  #checkLater(resource: kinds.Resource, object: KubeObject): void {
    if (this.#hasOwner(object)) return;
    this.#time.schedule(this.#reactMs(), () => this.#deleteUnlessOwned({ resource, object }));
  }

  #deleteUnlessOwned({ resource, object }: { resource: kinds.Resource; object: KubeObject }): void {
    const { namespace, name, uid = '' } = object.metadata;
    const live = this.#store.get({ resource, namespace, name });
    if (live?.metadata.uid !== uid || this.#hasOwner(live)) return;
    this.#store.delete({ resource, namespace, name }, { uid, by: COLLECTOR });
  }

  #hasOwner({ metadata }: KubeObject): boolean {
    const { ownerReferences = [], namespace } = metadata;
    return ownerReferences.some(({ kind, name, uid }) => {
      const resource = COLLECTED.find((each) => each.kind === kind);
      return !resource || this.#store.get({ resource, namespace, name })?.metadata.uid === uid;
    });
  }

  #everything(): Array<{ readonly resource: kinds.Resource; readonly object: KubeObject }> {
    return COLLECTED.flatMap((resource) =>
      [...this.#store.all(resource)].map((object) => ({ resource, object })),
    );
  }

  /** Empties a namespace, repeatedly until nothing is left, because pods take time to end. */
  #emptyLater({ metadata }: KubeObject): void {
    this.#time.schedule(this.#reactMs(), () => {
      const ref = { resource: kinds.Namespaces, name: metadata.name };
      const live = this.#store.get(ref);
      if (!live || live.metadata.uid !== metadata.uid) return;
      const content = this.#everything().filter(({ object }) => object.metadata.namespace === metadata.name);
      for (const { resource, object } of content) {
        const { namespace, name } = object.metadata;
        this.#store.delete({ resource, namespace, name }, { by: NAMESPACES });
      }
      if (content.length === 0) this.#store.remove(ref, NAMESPACES);
      else this.#emptyLater(live);
    });
  }
}
