/**
 * Waits until the caches show what was just written, so that the next plan does not write it again.
 */
import type { ConfigMapFacts, World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Caches } from '../../runtime/kube/caches.ts';
import { Wake } from '../../runtime/wake.ts';

/** What was applied, and the version that the object then had. */
export interface Applied {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Resolves when the caches show all ConfigMaps in `written` (by namespace; undefined is removed), or after `timeoutMs`. */
export async function awaitCacheSync(
  written: ReadonlyMap<string, Applied | undefined>,
  { caches, clock }: { readonly caches: Caches; readonly clock: Clock },
  timeoutMs: number,
): Promise<void> {
  const awaited = new Map(written);
  for (const [namespace, applied] of written) if (!applied) awaited.delete(namespace);
  // Each change is looked at alone, and read only where its version is another: together they are megabytes.
  const look = (namespace: string) => {
    const applied = awaited.get(namespace);
    if (applied && isShown(caches.world.configMaps.get(namespace), applied)) awaited.delete(namespace);
  };
  for (const namespace of [...awaited.keys()]) look(namespace);
  if (awaited.size === 0) return;
  const echo = new Wake(clock);
  const stopListening = caches.onChange((kind, namespace) => {
    if (kind !== 'ConfigMap') return;
    look(namespace);
    if (awaited.size === 0) echo.notify();
  });
  await echo.wait(timeoutMs, new AbortController().signal);
  stopListening();
}

/** The overview is put off for a second after each write, so that no pass before its echo writes it again. */
export function withoutOverview(
  written: ReadonlyMap<string, Applied | undefined>,
  { configMaps }: World,
  ownNamespace: string,
): ReadonlyMap<string, Applied | undefined> {
  // One that is not there yet is waited for: what is missing would be made anew, with the pause it had.
  if (!configMaps.has(ownNamespace)) return written;
  return new Map([...written].filter(([namespace]) => namespace !== ownNamespace));
}

/** Others may have written since: then the version is another, and all that is ours still stands there. */
function isShown(cached: ConfigMapFacts | undefined, { version, data }: Applied): boolean {
  if (!cached) return false;
  if (cached.version === version) return true;
  const entries = Object.entries(data);
  return (
    cached.ownKeys.length === entries.length && entries.every(([key, value]) => cached.data[key] === value)
  );
}
