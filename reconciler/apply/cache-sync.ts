/**
 * Waits until the caches show our last writes, so that the next plan does not write the same again.
 */
import type { ConfigMapFacts, World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Caches } from '../../runtime/kube/caches.ts';
import { Wake } from '../../runtime/wake.ts';

/** The resourceVersions of a ConfigMap before and after our write. */
export interface Applied {
  readonly from: string;
  readonly version: string;
}

/**
 * Resolves when the caches show all ConfigMaps in `written`, or after `timeoutMs`. `written` is by namespace. A value
 * that is undefined stands for a removed ConfigMap, which is not awaited. Neither is one that others have changed or
 * deleted since: a tenant who does so again and again would delay the lists of all.
 */
export async function awaitCacheSync(
  written: ReadonlyMap<string, Applied | undefined>,
  { caches, clock }: { readonly caches: Caches; readonly clock: Clock },
  timeoutMs: number,
): Promise<void> {
  const awaited = new Map(written);
  for (const [namespace, applied] of written) if (!applied) awaited.delete(namespace);
  const stopAwaiting = (namespace: string, isChanged: boolean) => {
    const applied = awaited.get(namespace);
    if (applied && isShown(caches.world.configMaps.get(namespace), applied, isChanged))
      awaited.delete(namespace);
  };
  for (const namespace of [...awaited.keys()]) stopAwaiting(namespace, false);
  if (awaited.size === 0) return;
  const allShown = new Wake(clock);
  const stopListening = caches.onChange((kind, namespace) => {
    if (kind !== 'ConfigMap') return;
    stopAwaiting(namespace, true);
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

/** A write changes only the version that it was made for, so each other version is that of the write, or a later one. */
function isShown(
  cached: ConfigMapFacts | undefined,
  { from, version }: Applied,
  isChanged: boolean,
): boolean {
  // A ConfigMap that was just created may not be there yet; one that goes has been there.
  if (!cached) return isChanged;
  return cached.version === version || cached.version !== from;
}
