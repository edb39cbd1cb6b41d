/**
 * Waits until the caches show what was just written, so that the next plan does not write it again.
 */
import { isSameJson, stringsOf } from '../peers/field.ts';
import type { ConfigMapFacts } from '../peers/world.ts';
import type { Caches } from '../runtime/caches.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeObject } from '../runtime/kube.ts';
import { Wake } from '../runtime/wake.ts';

/** Resolves when the caches show all ConfigMaps in `written` (by namespace), or after `timeoutMs`. */
export async function awaitEcho(
  written: ReadonlyMap<string, KubeObject | undefined>,
  { caches, clock }: { readonly caches: Caches; readonly clock: Clock },
  timeoutMs: number,
): Promise<void> {
  const awaited = new Map(written);
  for (const [namespace, object] of written) if (!object) awaited.delete(namespace);
  // Each change is looked at alone, and read only where its version is another: together they are megabytes.
  const look = (namespace: string) => {
    const object = awaited.get(namespace);
    if (object && isShown(caches.world.configMaps.get(namespace), object)) awaited.delete(namespace);
  };
  for (const namespace of [...awaited.keys()]) look(namespace);
  if (awaited.size === 0) return;
  const echo = new Wake(clock);
  const stopListening = caches.onChange((kind, namespace) => {
    if (kind !== 'ConfigMap') return;
    look(namespace);
    if (awaited.size === 0) echo.ring();
  });
  await echo.wait(timeoutMs, new AbortController().signal);
  stopListening();
}

function isShown(cached: ConfigMapFacts | undefined, object: KubeObject): boolean {
  if (!cached) return false;
  if (cached.version === object.metadata.resourceVersion) return true;
  // Nearly always the cache is a moment behind, which the first key that differs tells.
  return isSameJson(cached.data, stringsOf(object.data));
}
