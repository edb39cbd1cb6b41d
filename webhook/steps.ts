/**
 * Steps of a patch, and the check of each against the pod: a patch that does not apply, or makes a name appear
 * twice, denies the pod even under failurePolicy Ignore.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../peers/field.ts';

/** An operation whose path is still a list of tokens; `-` at the end appends to a list. */
export interface Step {
  readonly op: 'add' | 'replace';
  readonly tokens: readonly string[];
  readonly value: unknown;
}

const APPEND = '-';

/** Appends `item` to the list at `tokens`, or makes the list. */
export const addToList = (pod: Fields, tokens: readonly string[], item: unknown): Step =>
  isAbsent(valueAt(pod, tokens))
    ? { op: 'add', tokens, value: [item] }
    : { op: 'add', tokens: [...tokens, APPEND], value: item };

/** Containers that are no objects would shift the index that the decision speaks of. */
export function misplaced(pod: Fields): string | undefined {
  const containers = valueAt(pod, ['spec', 'containers']);
  const readable = Array.isArray(containers) && listOf(containers).length === containers.length;
  return readable ? undefined : 'spec.containers is not a list of objects';
}

/** Why the step might not apply, or might make a name appear twice; undefined where neither can be. */
export function doubtAbout(pod: Fields, { op, tokens, value }: Step): string | undefined {
  const parent = tokens.slice(0, -1);
  const last = tokens.at(-1) ?? '';
  const holder = valueAt(pod, parent);
  if (last === APPEND) {
    return Array.isArray(holder) ? duplicateIn(pod, parent, value) : `${parent.join('.')} is not a list`;
  }
  const present = valueAt(pod, tokens);
  if (op === 'replace') return present === undefined ? `${tokens.join('.')} is missing` : undefined;
  if (!isObject(holder)) return `${parent.join('.')} is not an object`;
  return isAbsent(present) ? duplicateIn(pod, tokens, value) : `${tokens.join('.')} is there already`;
}

/** The field by which Kubernetes tells the entries of a list apart. */
const KEY_FIELDS: Readonly<Record<string, string>> = {
  volumes: 'name',
  initContainers: 'name',
  volumeMounts: 'mountPath',
  env: 'name',
};

/** What an added list entry would collide with, on the raw pod: shapes leave out what they do not know. */
function duplicateIn(pod: Fields, list: readonly string[], value: unknown): string | undefined {
  const field = KEY_FIELDS[list.at(-1) ?? ''];
  if (field === undefined) return undefined;
  const added = fieldsOf(Array.isArray(value) ? value[0] : value)[field];
  const taken = listOf(valueAt(pod, list)).some((entry) => entry[field] === added);
  const asDevice = listOf(valueAt(pod, [...list.slice(0, -1), 'volumeDevices'])).some(
    (device) => device.devicePath === added,
  );
  return taken || asDevice ? `${list.join('.')} has ${textOf(added)} already` : undefined;
}

export const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value under a path of tokens; undefined where some part of the path is missing. */
export function valueAt(root: unknown, tokens: readonly string[]): unknown {
  let value = root;
  for (const token of tokens) {
    if (Array.isArray(value)) value = value[Number(token)];
    else if (isObject(value) && Object.hasOwn(value, token)) value = value[token];
    else return undefined;
  }
  return value;
}

/** JSON Pointer of the tokens (RFC 6901: `~` is written `~0`, `/` is written `~1`). */
export const pointer = (tokens: readonly string[]): string => `/${tokens.map(escaped).join('/')}`;

const escaped = (token: string): string =>
  token.includes('~') || token.includes('/') ? token.replaceAll('~', '~0').replaceAll('/', '~1') : token;
