/**
 * The name, namespace and UID of an object.
 */
import { type Fields, textOf } from '../field.ts';
import { type Key, keyOf } from '../world.ts';

export interface Named {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A missing field is an empty text. */
export function namedOf(metadata: Fields): Named {
  const namespace = textOf(metadata.namespace) ?? '';
  const name = textOf(metadata.name) ?? '';
  return { key: keyOf(namespace, name), namespace, name, uid: textOf(metadata.uid) ?? '' };
}
