/** Runs helm and reads the rendered objects. Its folders are temporary, so the user's own helm settings have no effect. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { binary } from '../../cluster/control-plane.ts';

export const ROOT = join(import.meta.dirname, '../../..');
export const CHART = join(ROOT, 'manifests/chart');

const OUTPUT_MAX = 16 * 1024 * 1024;
const home = mkdtempSync(join(tmpdir(), 'stellar-peers-helm-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

/** Standard output of helm; rejects with its standard error. */
export const helm = async (...args: readonly string[]): Promise<string> => (await helmOutputs(args)).stdout;

/** Both outputs of helm. */
export async function helmOutputs(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_CACHE_HOME: home,
    HELM_DATA_HOME: home,
  };
  return promisify(execFile)(binary('helm'), args, { env, maxBuffer: OUTPUT_MAX });
}

/** The objects of all YAML documents. Skips empty documents. */
export const objectsIn = (yaml: string): KubeObject[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);

/** The objects that `kubectl kustomize` renders from a folder. */
export async function kustomized(folder: string): Promise<KubeObject[]> {
  const { stdout } = await promisify(execFile)(binary('kubectl'), ['kustomize', folder], {
    maxBuffer: OUTPUT_MAX,
  });
  return objectsIn(stdout);
}

export type Values = Readonly<Record<string, unknown>>;
export const NAMESPACE = 'stellar-peers';

/** Writes a temporary values.yaml with these values, and calls `work` with its path. */
export async function withValues<T>(values: Values, work: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-values-'));
  try {
    const file = join(folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    return await work(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The objects that the chart renders from these values. */
export const render = (
  values: Values = {},
  namespace = NAMESPACE,
  ...flags: string[]
): Promise<KubeObject[]> =>
  withValues(values, async (file) =>
    objectsIn(await helm('template', 'stellar-peers', CHART, '-n', namespace, '-f', file, ...flags)),
  );
