/**
 * Waits until the caches show our last writes, so that the next plan does not write the same again.
 */
import type { ConfigMapFacts, World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Caches } from '../../runtime/kube/caches.ts';
import { Wake } from '../../runtime/wake.ts';

/** The data that was applied, and the resourceVersion after the write. */
export interface Applied {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Resolves when the caches show all ConfigMaps in `written`, or after `timeoutMs`. `written` is by namespace. A value
 * that is undefined stands for a removed ConfigMap, which is not awaited.
 */
export async function awaitCacheSync(
  written: ReadonlyMap<string, Applied | undefined>,
  { caches, clock }: { readonly caches: Caches; readonly clock: Clock },
  timeoutMs: number,
): Promise<void> {
  const awaited = new Map(written);
  for (const [namespace, applied] of written) if (!applied) awaited.delete(namespace);
  // Only the ConfigMap that changed is compared: all of them together may be megabytes.
  const stopAwaiting = (namespace: string) => {
    const applied = awaited.get(namespace);
    if (applied && isShown(caches.world.configMaps.get(namespace), applied)) awaited.delete(namespace);
  };
  for (const namespace of [...awaited.keys()]) stopAwaiting(namespace);
  if (awaited.size === 0) return;
  const allShown = new Wake(clock);
  const stopListening = caches.onChange((kind, namespace) => {
    if (kind !== 'ConfigMap') return;
    stopAwaiting(namespace);
    if (awaited.size === 0) allShown.notify();
  });
  await allShown.wait(timeoutMs, new AbortController().signal);
  stopListening();
}

/** `written` without the overview, which is written at most once a second: its cache has caught up by the next write. */
export function withoutOverview(
  written: ReadonlyMap<string, Applied | undefined>,
  { configMaps }: World,
  ownNamespace: string,
): ReadonlyMap<string, Applied | undefined> {
  // A new overview is awaited: a ConfigMap that the caches do not show would be created again, with its former pause.
  if (!configMaps.has(ownNamespace)) return written;
  return new Map([...written].filter(([namespace]) => namespace !== ownNamespace));
}

/** True too if others have written since: the version is another one then, but our keys are all there. */
function isShown(cached: ConfigMapFacts | undefined, { version, data }: Applied): boolean {
  if (!cached) return false;
  if (cached.version === version) return true;
  const entries = Object.entries(data);
  return (
    cached.ownKeys.length === entries.length && entries.every(([key, value]) => cached.data[key] === value)
  );
}
