/**
 * Who an object of the cluster is, as its metadata says.
 */
import { type Fields, textOf } from '../field.ts';
import { type Key, keyOf } from '../world.ts';

export interface Named {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What is missing is empty. */
export function namedOf(metadata: Fields): Named {
  const namespace = textOf(metadata.namespace) ?? '';
  const name = textOf(metadata.name) ?? '';
  return { key: keyOf(namespace, name), namespace, name, uid: textOf(metadata.uid) ?? '' };
}
