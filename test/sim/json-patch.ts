/** RFC 6902 on frozen documents. Unchanged parts are shared with the former document. */
import type { PatchOperation } from '../../runtime/kube/port.ts';
import { isFields, isSame } from './frozen.ts';
import { invalid } from './refusals.ts';

type Change = (parent: unknown, key: string) => unknown;

const refuse = (operation: PatchOperation, why: string) =>
  invalid(`the server rejected our request: ${operation.op} ${operation.path}: ${why}`);

const has = (parent: unknown, key: string): boolean =>
  Array.isArray(parent) ? Number(key) < parent.length : isFields(parent) && Object.hasOwn(parent, key);

const valueAt = (parent: unknown, key: string): unknown =>
  Array.isArray(parent) ? parent[Number(key)] : (parent as Record<string, unknown>)[key];

function put(parent: unknown, key: string, value: unknown): unknown {
  return Array.isArray(parent)
    ? parent.with(Number(key), value)
    : { ...(parent as Record<string, unknown>), [key]: value };
}

function inserted(parent: unknown, key: string, value: unknown): unknown {
  if (!Array.isArray(parent)) return put(parent, key, value);
  const index = key === '-' ? parent.length : Number(key);
  return parent.toSpliced(index, 0, value);
}

function removed(parent: unknown, key: string): unknown {
  if (Array.isArray(parent)) return parent.toSpliced(Number(key), 1);
  const { [key]: _, ...rest } = parent as Record<string, unknown>;
  return rest;
}

function changeOf(operation: PatchOperation): Change {
  const { op, value } = operation;
  const existing = (parent: unknown, key: string) => {
    if (!has(parent, key)) throw refuse(operation, 'there is nothing');
    return valueAt(parent, key);
  };
  switch (op) {
    case 'add':
      return (parent, key) => inserted(parent, key, value);
    case 'replace':
      return (parent, key) => {
        existing(parent, key);
        return put(parent, key, value);
      };
    case 'remove':
      return (parent, key) => {
        existing(parent, key);
        return removed(parent, key);
      };
    default:
      return (parent, key) => {
        if (!isSame(existing(parent, key), value)) throw refuse(operation, 'the test failed');
        return parent;
      };
  }
}

/** The document after the operations. Throws KubeError 422 if one of them cannot be carried out. */
export function patched<T>(document: T, operations: readonly PatchOperation[]): T {
  return operations.reduce<unknown>((current, operation) => {
    const path = operation.path.split('/').slice(1);
    const keys = path.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const change = changeOf(operation);
    const walk = (value: unknown, depth: number): unknown => {
      const key = keys[depth] ?? '';
      if (!isFields(value) && !Array.isArray(value)) throw refuse(operation, 'its parent is not there');
      if (depth === keys.length - 1) return change(value, key);
      if (!has(value, key)) throw refuse(operation, 'its parent is not there');
      return put(value, key, walk(valueAt(value, key), depth + 1));
    };
    return walk(current, 0);
  }, document) as T;
}
