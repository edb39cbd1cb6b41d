/**
 * A watch of one object by name that tells when what matters of it has changed, and keeps nothing else.
 */
import { Notifier } from '../notifier.ts';
import type { KubeObject } from './port.ts';
import { Reflector, type WatchEdges } from './reflector.ts';
import type { Resource } from './resources.ts';

interface Watched {
  readonly namespace: string;
  readonly name: string;
  /** What matters of the object. */
  readonly project: (object: KubeObject) => unknown;
}

/** The reflector, which the caller runs, and where its listeners subscribe. */
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
