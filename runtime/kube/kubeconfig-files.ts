/** Merges the files of a kubeconfig as client-go does: the first file that has a name, or a context, wins. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';
import { wordsOfReadError } from '../read-error.ts';
import { KubeConfigError } from './port.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** An entry of a file, and the folder that its paths start from. */
export interface NamedFields {
  readonly name: string;
  readonly fields: Fields;
  readonly folder: string;
}

const KINDS = ['clusters', 'users', 'contexts'] as const;
type Kind = (typeof KINDS)[number];

export type Merged = { current: string } & Readonly<Record<Kind, Map<string, NamedFields>>>;

/** The existing files of KUBECONFIG, or ~/.kube/config if KUBECONFIG is not set. */
export function usualFiles({ KUBECONFIG = '', HOME }: Env): string[] {
  const files = KUBECONFIG.split(delimiter).filter((file) => file !== '');
  const all = files.length > 0 ? files : [join(HOME ?? homedir(), '.kube', 'config')];
  return all.filter((file) => existsSync(file));
}

/** Merges all files into one. Throws KubeConfigError for a file that cannot be read. */
export function mergedOf(files: readonly string[], context = ''): Merged {
  const merged: Merged = { current: context, clusters: new Map(), users: new Map(), contexts: new Map() };
  for (const file of files) {
    const fields = readFields(file);
    const folder = dirname(file);
    merged.current ||= textIn(fields, 'current-context') ?? '';
    for (const kind of KINDS) {
      for (const [name, entry] of entriesOf(file, fields[kind], kind)) {
        if (!merged[kind].has(name)) merged[kind].set(name, { name, fields: entry, folder });
      }
    }
  }
  return merged;
}

function readFields(file: string): Fields {
  try {
    const content: unknown = parse(readFileSync(file, 'utf8'), { prettyErrors: false });
    if (content !== null && typeof content !== 'object')
      throw new Error('the file is no YAML of a kubeconfig');
    return fieldsOf(content);
  } catch (cause) {
    throw new KubeConfigError(`the kubeconfig ${file} cannot be read: ${wordsOfReadError(cause)}`, { cause });
  }
}

/** The content of a file that a kubeconfig names. `what` is its role, for the error. Throws KubeConfigError. */
export function contentOf(what: string, path: string, encoding: 'utf8' | 'base64'): string {
  try {
    return readFileSync(path, encoding);
  } catch (cause) {
    throw new KubeConfigError(`the ${what} ${path} cannot be read: ${wordsOfReadError(cause)}`, { cause });
  }
}

function entriesOf(file: string, list: unknown, kind: Kind): Map<string, Fields> {
  const entries = new Map<string, Fields>();
  for (const item of listOf(list)) {
    const name = textIn(item, 'name') ?? '';
    if (entries.has(name)) throw new KubeConfigError(`the kubeconfig ${file} has two ${kind} named ${name}`);
    entries.set(name, fieldsOf(item[kind.slice(0, -1)]));
  }
  return entries;
}

/** A text field of an entry; undefined if it is missing or empty. Throws if the field is not a text. */
export function textIn(fields: Fields, key: string): string | undefined {
  const value = fields[key] ?? undefined;
  if (value !== undefined && typeof value !== 'string') {
    throw new KubeConfigError(`the kubeconfig has something else than text in ${key}; put it in quotes`);
  }
  return value === '' ? undefined : value;
}

/** A text with the existing names, for an error about a name that does not exist. */
export const whatThereIs = (kind: Kind, merged: Merged): string => {
  const names = [...merged[kind].keys()];
  return names.length === 0 ? `there are no ${kind}` : `its ${kind} are ${names.join(', ')}`;
};

/** The entry of that name; an empty entry if no name is given. */
export function entryOf(merged: Merged, kind: 'clusters' | 'users', name: string | undefined): NamedFields {
  const found = name === undefined ? { name: '', fields: {}, folder: '' } : merged[kind].get(name);
  if (found) return found;
  throw new KubeConfigError(
    `the kubeconfig has no ${kind.slice(0, -1)} ${name}; ${whatThereIs(kind, merged)}`,
  );
}

/** A path of an entry as an absolute path; a relative path starts at the folder of the entry's file. */
export function fileIn(fields: Fields, key: string, folder: string): string | undefined {
  const file = textIn(fields, key);
  return file === undefined ? undefined : resolve(folder, file);
}
