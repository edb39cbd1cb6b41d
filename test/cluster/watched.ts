/** Makes manifests/namespaced for the namespaces of a test, by watch.sh, as an administrator does. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MANIFESTS = join(import.meta.dirname, '../../manifests');

/** Calls `use` with a copy of manifests/namespaced that watches these namespaces, and resolves to its result. */
export async function withManifestsFor<T>(
  namespaces: readonly string[],
  use: (folder: string) => T | Promise<T>,
): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), 'stellar-peers-'));
  try {
    cpSync(MANIFESTS, copy, { recursive: true });
    const folder = join(copy, 'namespaced');
    execFileSync('sh', [join(folder, 'watch.sh'), ...namespaces], { encoding: 'utf8', stdio: 'pipe' });
    return await use(folder);
  } finally {
    rmSync(copy, { recursive: true });
  }
}
