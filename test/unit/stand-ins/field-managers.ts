/**
 * Who holds which key of `data`, as server-side apply and plain writes leave it in `metadata.managedFields`.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';

type Data = Readonly<Record<string, unknown>>;
type ManagedFields = NonNullable<KubeObject['metadata']['managedFields']>;
type Holding = { readonly manager: string; readonly operation: string; readonly keys: ReadonlySet<string> };

const dataOf = (object: KubeObject | undefined): Data => (object?.data ?? {}) as Data;

const holdingsOf = (object: KubeObject | undefined): Holding[] =>
  (object?.metadata.managedFields ?? []).map(({ manager = '', operation = '', fieldsV1 }) => {
    const fields = (fieldsV1 as { 'f:data'?: object } | undefined)?.['f:data'] ?? {};
    return { manager, operation, keys: new Set(Object.keys(fields).map((key) => key.slice(2))) };
  });

const managedFieldsOf = (holdings: readonly Holding[]): ManagedFields =>
  holdings
    .filter(({ keys }) => keys.size > 0)
    .map(({ manager, operation, keys }) => {
      const fields = Object.fromEntries([...keys].sort().map((key) => [`f:${key}`, {}]));
      return { manager, operation, fieldsV1: { 'f:data': fields } };
    });

const without = (holding: Holding, keys: ReadonlySet<string>): Holding => ({
  ...holding,
  keys: new Set([...holding.keys].filter((key) => !keys.has(key))),
});

/** `metadata.managedFields` after a plain write: who changes a key holds it from then on. */
export function afterUpdate(former: KubeObject | undefined, next: KubeObject, manager: string) {
  const [before, after] = [dataOf(former), dataOf(next)];
  const changed = new Set(
    [...Object.keys(before), ...Object.keys(after)].filter((key) => before[key] !== after[key]),
  );
  const rest = holdingsOf(former).map((holding) => without(holding, changed));
  const isOwn = (holding: Holding) => holding.manager === manager && holding.operation === 'Update';
  const kept = rest.find(isOwn)?.keys ?? [];
  const present = [...changed].filter((key) => Object.hasOwn(after, key));
  const own = { manager, operation: 'Update', keys: new Set([...kept, ...present]) };
  return managedFieldsOf([...rest.filter((holding) => !isOwn(holding)), own]);
}

/**
 * `data` and `managedFields` after an apply, or the keys that others hold with another value: with `force`
 * those change hands. A key that the manager applied before and leaves out now is gone unless another holds it.
 */
export function afterApply(
  former: KubeObject | undefined,
  body: KubeObject,
  { manager, force = false }: { manager: string; force?: boolean },
): { conflicts: string[] } | { data: Data; managedFields: ManagedFields } {
  const [before, wanted] = [dataOf(former), dataOf(body)];
  const all = holdingsOf(former);
  const isOwn = (holding: Holding) => holding.manager === manager && holding.operation === 'Apply';
  const others = all.filter((holding) => !isOwn(holding));
  const isHeld = (key: string) => others.some(({ keys }) => keys.has(key));
  const conflicts = Object.keys(wanted).filter((key) => isHeld(key) && before[key] !== wanted[key]);
  if (conflicts.length > 0 && !force) return { conflicts };
  const left = [...(all.find(isOwn)?.keys ?? [])].filter(
    (key) => !Object.hasOwn(wanted, key) && !isHeld(key),
  );
  const data = { ...before, ...wanted };
  for (const key of left) delete (data as Record<string, unknown>)[key];
  const lost = new Set(conflicts);
  const own = { manager, operation: 'Apply', keys: new Set(Object.keys(wanted)) };
  return { data, managedFields: managedFieldsOf([...others.map((each) => without(each, lost)), own]) };
}
