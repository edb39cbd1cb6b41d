/** The kubectl that `make setup` has linked. Tests compare our client with it; without kubectl, they try our client alone. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const KUBECTL = join(import.meta.dirname, '../../../.cache/bin/kubectl');

type Env = Readonly<Record<string, string | undefined>>;

/** The output of kubectl; undefined if kubectl failed, or is not installed. */
export async function kubectl(args: readonly string[], env: Env): Promise<string | undefined> {
  const child = spawn(KUBECTL, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 ? text : undefined));
  });
}

/** True if kubectl is installed. */
export const hasKubectl = existsSync(KUBECTL);
