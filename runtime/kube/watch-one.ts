/** Watches one object by name, and notifies when a projection of it has changed. Keeps only the projection. */
import { Notifier } from '../notifier.ts';
import type { KubeObject } from './port.ts';
import { Reflector, type WatchEdges } from './reflector.ts';
import type { Resource } from './resources.ts';

interface Watched {
  readonly namespace: string;
  readonly name: string;
  /** The part of the object whose changes matter. */
  readonly project: (object: KubeObject) => unknown;
}

/** Creates the reflector, which the caller must run, and the subscription to its changes. */
export function watchOne(edges: WatchEdges, resource: Resource, { namespace, name, project }: Watched) {
  const changes = new Notifier();
  const reflector = new Reflector<unknown>({
    ...edges,
    resource,
    query: { namespace, fieldSelector: `metadata.name=${name}` },
    keyOf: (object) => object.metadata.name,
    project,
    store: new Map(),
    onChange: () => changes.notify(),
  });
  return { reflector, onChange: changes.onChange };
}
