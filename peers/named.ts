/**
 * Who an object of the cluster is, as its metadata says.
 */
import { type Fields, textOf } from './field.ts';
import { oneText } from './memo.ts';
import { type Key, storedKeyOf } from './world.ts';

export interface Named {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What is missing is empty; key and UID are one text with all others that name the object. */
export function namedOf(metadata: Fields): Named {
  const namespace = textOf(metadata.namespace) ?? '';
  const name = textOf(metadata.name) ?? '';
  return { key: storedKeyOf(namespace, name), namespace, name, uid: oneText(textOf(metadata.uid) ?? '') };
}
