/** Runs kubectl against a test cluster, with a cache of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { binary } from './control-plane.ts';

const OUTPUT_MAX = 64 * 1024 * 1024;

/** Runs kubectl with a kubeconfig. Resolves to its standard output, or rejects with its standard error. */
export function runKubectl(
  dir: string,
  kubeconfig: string,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const common = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(dir, 'config', 'kubectl-cache')}`];
  return new Promise((resolve, reject) => {
    const child = execFile(
      binary('kubectl'),
      [...common, ...args],
      { maxBuffer: OUTPUT_MAX },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin ?? '');
  });
}
