/**
 * Steps of a patch, and the check of each against the pod: a patch that does not apply, or makes a name appear
 * twice, denies the pod even under failurePolicy Ignore.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import type { EncodedValue, PatchOperation } from './encode.ts';
import type { ListPaths } from './json-pointers.ts';

/** One operation, and what it needs of the pod. */
export interface Step {
  readonly operation: PatchOperation;
  /** Why it might not apply, or might make a name appear twice; undefined where neither can be. */
  readonly doubt: string | undefined;
}

/** For people: spec.containers.0.env. */
const spoken = (path: string): string =>
  path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');

/** Puts `part` at `path` in `holder`: adds it where `present` is absent, or replaces that. */
export function put(
  part: EncodedValue,
  { path, present, holder, holderPath }: Readonly<Record<'path' | 'holderPath', string>> & Present,
): Step {
  const op = isAbsent(present) ? 'add' : 'replace';
  return { operation: part.operation(op, path), doubt: doubtAboutHolder(holder, holderPath) };
}

interface Present {
  readonly present: unknown;
  readonly holder: unknown;
}

const doubtAboutHolder = (holder: unknown, path: string): string | undefined =>
  isObject(holder) ? undefined : `${spoken(path)} is not an object`;

/** Puts `part` at `path`, in the place of what is there. */
export const replace = (part: EncodedValue, path: string, present: unknown): Step => ({
  operation: part.operation('replace', path),
  doubt: present === undefined ? `${spoken(path)} is missing` : undefined,
});

/** A list in the raw pod, whatever is there, in whatever should be an object. */
export interface PodList {
  readonly paths: ListPaths;
  readonly holder: unknown;
  readonly list: unknown;
}

/** Appends `item` to the list, or makes the list. */
export function addToList(item: EncodedValue, at: PodList): Step {
  const { paths, holder, list } = at;
  const taken = doubtAboutItem(at, fieldsOf(item.value));
  if (isAbsent(list)) {
    const doubt = doubtAboutHolder(holder, paths.holder) ?? taken;
    return { operation: item.alone().operation('add', paths.list), doubt };
  }
  const doubt = Array.isArray(list) ? taken : `${spoken(paths.list)} is not a list`;
  return { operation: item.operation('add', paths.end), doubt };
}

/** What an added entry would collide with, on the raw pod: shapes leave out what they do not know. */
function doubtAboutItem({ paths, holder, list }: PodList, item: Fields): string | undefined {
  const added = paths.isByPath ? item.mountPath : item.name;
  const isTaken =
    listOf(list).some(({ mountPath, name }) => (paths.isByPath ? mountPath : name) === added) ||
    listOf(fieldsOf(holder).volumeDevices).some(({ devicePath }) => devicePath === added);
  return isTaken ? `${spoken(paths.list)} has ${textOf(added)} already` : undefined;
}

export const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
