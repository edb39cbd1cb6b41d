/** The kubectl that `make setup` has linked, beside which ours is tried; where there is none, ours is tried alone. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const KUBECTL = join(import.meta.dirname, '../../../.cache/bin/kubectl');

type Env = Readonly<Record<string, string | undefined>>;

/** What kubectl printed; undefined where it failed, or is not here. */
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

/** False where only ours can be tried. */
export const hasKubectl = existsSync(KUBECTL);
