// @ts-check
/** Installs from Debian, if allowed, the programs that a real node needs and that cannot be built with Go. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** Program → package of Debian. */
const PROGRAMS = { runc: 'runc', nft: 'nftables', ip: 'iproute2', unshare: 'util-linux' };
/** Folders of administrators' programs, which may be missing in PATH. */
const FOLDERS = ['/usr/sbin', '/sbin'];

/** @param {string} program */
const isHere = (program) =>
  [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS].some((folder) =>
    existsSync(join(folder, program)),
  );

/** Installs what is missing, or says in a sentence what to install. */
export async function installDebian() {
  const missing = Object.entries(PROGRAMS)
    .filter(([program]) => !isHere(program))
    .map(([, name]) => name);
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (process.getuid?.() !== 0 || !isHere('apt-get'))
    throw new SetupError(`A real node needs ${names}: install them, then try again.`);
  say(`${names}: installing from Debian`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing], { env });
}
