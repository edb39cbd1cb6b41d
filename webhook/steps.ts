/**
 * Steps of a patch, and the check of each against the pod: a patch that does not apply, or makes a name appear
 * twice, denies the pod even under failurePolicy Ignore.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../peers/field.ts';
import { listOfOne, type PatchOperation } from './encode.ts';

/** Something in the raw pod, whatever is there, and where it is as a JSON Pointer (RFC 6901). */
export interface Place {
  readonly path: string;
  readonly value: unknown;
}

/** One operation, and what it needs of the pod. */
export interface Step {
  readonly operation: PatchOperation;
  /** Why it might not apply, or might make a name appear twice; undefined where neither can be. */
  readonly doubt: string | undefined;
}

export const rootOf = (pod: Fields): Place => ({ path: '', value: pod });

/** What is under `key`, in an object or a list; its value is undefined where there is nothing. */
export const at = ({ path, value }: Place, key: string | number): Place => ({
  path: `${path}/${escaped(key)}`,
  value: under(value, key),
});

function under(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** `~` is written `~0`, `/` is written `~1`. */
const escaped = (key: string | number): string | number =>
  typeof key === 'string' && /[~/]/.test(key) ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key;

/** For people: spec.containers.0.env. */
const spoken = ({ path }: Place): string =>
  path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');

/** Adds what is absent, or replaces what is there. */
export function put(holder: Place, key: string, value: unknown): Step {
  const place = at(holder, key);
  const op = isAbsent(place.value) ? 'add' : 'replace';
  return { operation: { op, path: place.path, value }, doubt: doubtAboutHolder(holder) };
}

const doubtAboutHolder = (holder: Place): string | undefined =>
  isObject(holder.value) ? undefined : `${spoken(holder)} is not an object`;

/** Puts `value` in the place of what is there. */
export const replace = (place: Place, value: unknown): Step => ({
  operation: { op: 'replace', path: place.path, value },
  doubt: place.value === undefined ? `${spoken(place)} is missing` : undefined,
});

/** Appends `item` to the list under `key`, or makes the list. */
export function addToList(holder: Place, key: keyof typeof KEY_FIELDS, item: Fields): Step {
  const list = at(holder, key);
  const taken = doubtAboutItem(holder, list, { field: KEY_FIELDS[key], added: item[KEY_FIELDS[key]] });
  if (isAbsent(list.value)) {
    const doubt = doubtAboutHolder(holder) ?? taken;
    return { operation: { op: 'add', path: list.path, value: listOfOne(item) }, doubt };
  }
  const doubt = Array.isArray(list.value) ? taken : `${spoken(list)} is not a list`;
  return { operation: { op: 'add', path: `${list.path}/-`, value: item }, doubt };
}

/** The field by which Kubernetes tells the entries of a list apart. */
const KEY_FIELDS = {
  volumes: 'name',
  initContainers: 'name',
  volumeMounts: 'mountPath',
  env: 'name',
} as const;

/** What an added entry would collide with, on the raw pod: shapes leave out what they do not know. */
function doubtAboutItem(
  holder: Place,
  list: Place,
  { field, added }: { readonly field: string; readonly added: unknown },
): string | undefined {
  const isTaken =
    listOf(list.value).some((entry) => entry[field] === added) ||
    listOf(fieldsOf(holder.value).volumeDevices).some(({ devicePath }) => devicePath === added);
  return isTaken ? `${spoken(list)} has ${textOf(added)} already` : undefined;
}

export const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
