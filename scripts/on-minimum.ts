/** `node scripts/on-minimum.ts SCRIPT`: runs a script of package.json on the oldest Node that package.json promises. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import metadata from '../package.json' with { type: 'json' };

const FOLDER = join(import.meta.dirname, '../.cache/node-minimum');
const script = (metadata.scripts as Record<string, string>)[process.argv[2] ?? ''];

function problem(): string | undefined {
  if (script === undefined) return `${process.argv[2] ?? '(no name)'} is not a script of package.json`;
  if (existsSync(join(FOLDER, 'node'))) return undefined;
  return 'the oldest Node is not installed: run node scripts/setup.mjs --only node-minimum';
}

const why = problem();
if (why === undefined) {
  const env = { ...process.env, PATH: [FOLDER, process.env.PATH ?? ''].join(delimiter) };
  const { status } = spawnSync('sh', ['-c', `node --version && ${script}`], { env, stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else {
  process.stderr.write(`${why}\n`);
  process.exitCode = 2;
}
