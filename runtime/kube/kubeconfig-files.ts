/**
 * The files of a kubeconfig as one, by the rules of client-go: of each name, and of the current context, the first file
 * that has one is believed; files of a list that are missing or empty are passed over.
 */
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

/** Those of KUBECONFIG, else ~/.kube/config, as far as they are there. */
export function usualFiles({ KUBECONFIG = '', HOME }: Env): string[] {
  const files = KUBECONFIG.split(delimiter).filter((file) => file !== '');
  const all = files.length > 0 ? files : [join(HOME ?? homedir(), '.kube', 'config')];
  return all.filter((file) => existsSync(file));
}

/** All files as one. Throws KubeConfigError for one that cannot be read. */
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
    if (content !== null && typeof content !== 'object') throw new Error('it is no YAML of a kubeconfig');
    return fieldsOf(content);
  } catch (cause) {
    throw new KubeConfigError(`the kubeconfig ${file} cannot be read: ${wordsOfReadError(cause)}`, { cause });
  }
}

/** The content of a file that a kubeconfig names as its `what`. Throws KubeConfigError. */
export function contentOf(what: string, path: string, encoding: 'utf8' | 'base64'): string {
  try {
    return readFileSync(path, encoding);
  } catch (cause) {
    throw new KubeConfigError(`the ${what} ${path} cannot be read: ${wordsOfReadError(cause)}`, { cause });
  }
}

/** The entries of one file by name; the same name twice leaves open which is meant. */
function entriesOf(file: string, list: unknown, kind: Kind): Map<string, Fields> {
  const entries = new Map<string, Fields>();
  for (const item of listOf(list)) {
    const name = textIn(item, 'name') ?? '';
    if (entries.has(name)) throw new KubeConfigError(`the kubeconfig ${file} has two ${kind} named ${name}`);
    entries.set(name, fieldsOf(item[kind.slice(0, -1)]));
  }
  return entries;
}

/** A text of an entry; an empty one is none. Throws where there is something else in its place. */
export function textIn(fields: Fields, key: string): string | undefined {
  const value = fields[key] ?? undefined;
  if (value !== undefined && typeof value !== 'string') {
    throw new KubeConfigError(`the kubeconfig has something else than text in ${key}; put it in quotes`);
  }
  return value === '' ? undefined : value;
}

/** The names that there are, for one that is not there. */
export const whatThereIs = (kind: Kind, merged: Merged): string => {
  const names = [...merged[kind].keys()];
  return names.length === 0 ? `there are no ${kind}` : `its ${kind} are ${names.join(', ')}`;
};

/** The entry of that name; an empty one where none is named. */
export function entryOf(merged: Merged, kind: 'clusters' | 'users', name: string | undefined): NamedFields {
  const found = name === undefined ? { name: '', fields: {}, folder: '' } : merged[kind].get(name);
  if (found) return found;
  throw new KubeConfigError(
    `the kubeconfig has no ${kind.slice(0, -1)} ${name}; ${whatThereIs(kind, merged)}`,
  );
}

/** A path of an entry, which starts from the folder of its file; whole, as a plugin of a bare name is looked for in the PATH. */
export function fileIn(fields: Fields, key: string, folder: string): string | undefined {
  const file = textIn(fields, key);
  return file === undefined ? undefined : resolve(folder, file);
}
