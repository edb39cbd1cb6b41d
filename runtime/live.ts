/**
 * The World read afresh from the API server, past every cache: what a restart is decided on last.
 */
import type { World } from '../peers/world.ts';
import type { Kube } from './kube.ts';
import { type ObjectRef, objectPath } from './resources.ts';
import { createStores, namedSources, type Scope, type Source, validatorSources, worldOf } from './sources.ts';

export interface LiveWorld {
  readonly world: World;
  /** resourceVersion of an object as it was read. */
  version(ref: ObjectRef): string | undefined;
}

/** Lists everything that is watched, once. Rejects with KubeError if any of it cannot be read. */
export async function readLive(kube: Kube, scope: Scope): Promise<LiveWorld> {
  const stores = createStores();
  const versions = new Map<string, string>();
  const sources = [...validatorSources(scope, stores), ...namedSources(scope, stores)];
  await Promise.all(sources.map((source) => readSource(kube, source, versions)));
  return { world: worldOf(stores), version: (ref) => versions.get(objectPath(ref)) };
}

async function readSource(kube: Kube, source: Source<unknown>, versions: Map<string, string>): Promise<void> {
  for (const query of source.queries) {
    const { items } = await kube.list(source.resource, query);
    for (const item of items) {
      source.store.set(source.keyOf(item), source.project(item));
      const { name, namespace, resourceVersion = '' } = item.metadata;
      versions.set(objectPath({ resource: source.resource, namespace, name }), resourceVersion);
    }
  }
}
