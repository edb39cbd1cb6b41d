/** The name, namespace and UID of an object. */
import { type Fields, textOf } from '../field.ts';
import { keyOf, type Named } from '../world.ts';

/** A missing field is an empty text. */
export function namedOf(metadata: Fields): Named {
  const namespace = textOf(metadata.namespace) ?? '';
  const name = textOf(metadata.name) ?? '';
  return { key: keyOf(namespace, name), namespace, name, uid: textOf(metadata.uid) ?? '' };
}
