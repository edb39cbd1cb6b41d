/** Runs a stellar-peers command as a separate process against the test cluster. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Cluster } from './boot.ts';

const ROOT = join(import.meta.dirname, '../..');

interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `stellar-peers <args>` with the rights of a cluster administrator, and with settings in `env`. */
export function runCommand(
  { kubeconfigPath }: Pick<Cluster, 'kubeconfigPath'>,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const options = { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } };
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      ['main.ts', ...args, '--kubeconfig', kubeconfigPath],
      options,
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') return reject(error);
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}
