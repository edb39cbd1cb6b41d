/** Finds the keys of a peers ConfigMap that belong to other writers. Pure. */
import type { ConfigMapFacts } from '../../../peers/world.ts';

/** Our data without the keys that another controller applies. Overwriting them would start a fight. */
export function withoutForeignKeys(
  data: Readonly<Record<string, string>>,
  current: ConfigMapFacts | undefined,
): Readonly<Record<string, string>> {
  if (!current || current.foreignKeys.length === 0) return data;
  const foreign = new Set(current.foreignKeys);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !foreign.has(key)));
}

/** True if another writer has a key in the ConfigMap, in `data` or `binaryData`, or also applies one of ours. */
export function isSharedWithOthers({ data, ownKeys, foreignKeys }: ConfigMapFacts): boolean {
  const own = new Set(ownKeys);
  return foreignKeys.length > 0 || Object.keys(data).some((key) => !own.has(key));
}
