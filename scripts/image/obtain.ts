/**
 * Fetches the packages of the image into the cache and unpacks them. Refuses a package whose checksum is not the pinned
 * one. npm and apt fetch them, with the settings of the person; DEBIAN_MIRROR names another mirror of Debian.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import {
  type Architecture,
  DEBIAN_RELEASE,
  type DebianPackage,
  NODE_VERSION,
  type NodePackage,
  SOURCES,
} from './sources.ts';

/** The module is plain JavaScript, because setup runs before there is a Node that runs TypeScript. */
const places: { readonly cacheRoot: () => string } = await import(
  new URL('../setup/places.mjs', import.meta.url).href
);

const MIRROR = process.env.DEBIAN_MIRROR || 'http://deb.debian.org/debian';

/** Runs a program that fetches. Its output is shown only if it fails. */
function run(program: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string };
    const said = stderr.trim().split('\n').slice(-5).join('\n') || message;
    throw new Error(`${program} ${args.at(-1)}: ${said}`, { cause });
  }
}

/** Throws unless the file has the pinned checksum, which is in the form of npm, or the hex of SHA-256. */
export function checkSum(path: string, pinned: string): void {
  const isNpms = pinned.startsWith('sha512-');
  const sum = createHash(isNpms ? 'sha512' : 'sha256').update(readFileSync(path));
  const found = isNpms ? `sha512-${sum.digest('base64')}` : sum.digest('hex');
  if (found !== pinned)
    throw new Error(`${path} has the checksum ${found}, and scripts/image/sources.ts pins ${pinned}`);
}

/** The only file in a folder whose name has this ending. */
function only(folder: string, ending: string): string {
  const found = readdirSync(folder).filter((name) => name.endsWith(ending));
  if (found.length !== 1) throw new Error(`${folder} has ${found.length} files *${ending} instead of one`);
  return join(folder, found[0] ?? '');
}

function fetchNode({ name, integrity }: NodePackage, folder: string): void {
  run('npm', ['pack', '--silent', `${name}@${NODE_VERSION}`], folder);
  const packed = only(folder, '.tgz');
  checkSum(packed, integrity);
  mkdirSync(join(folder, 'node'));
  const members = ['package/bin/node', 'package/LICENSE'];
  run('tar', ['-xzf', packed, '-C', join(folder, 'node'), '--strip-components=1', ...members], folder);
  rmSync(packed);
}

/** Flags by which apt uses its own lists and architecture: it changes nothing on this machine, and needs no rights. */
function aptFlags(architecture: Architecture, folder: string): string[] {
  const at = (name: string): string => join(folder, 'apt', name);
  for (const name of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at('status'), '');
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signed = existsSync(keys) ? `[signed-by=${keys}] ` : '';
  writeFileSync(at('sources.list'), `deb ${signed}${MIRROR} ${DEBIAN_RELEASE} main\n`);
  const options = {
    'Dir::Etc::sourcelist': at('sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': at('state'),
    'Dir::State::status': at('status'),
    'Dir::Cache': at('cache'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function fetchDebian(architecture: Architecture, packages: readonly Pinned[], folder: string): void {
  const flags = aptFlags(architecture, folder);
  run('apt-get', [...flags, 'update'], folder);
  for (const { name, version, sha256 } of packages) {
    run('apt-get', [...flags, 'download', `${name}=${version}`], folder);
    const packed = only(folder, '.deb');
    checkSum(packed, sha256);
    run('dpkg-deb', ['-x', packed, join(folder, 'debian')], folder);
    rmSync(packed);
  }
  rmSync(join(folder, 'apt'), { recursive: true });
}

type Pinned = Pick<DebianPackage, 'name' | 'version' | 'sha256'>;

/** The folder with this name in the cache. `fetch` fills it, completely or not at all. */
function cached(name: string, pins: unknown, fetch: (folder: string) => void): string {
  const digest = createHash('sha256').update(JSON.stringify(pins)).digest('hex');
  const folder = join(places.cacheRoot(), `${name}-${digest.slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const scratch = `${folder}.fetching-${process.pid}`;
  try {
    mkdirSync(scratch, { recursive: true });
    fetch(scratch);
    renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

/** The folder with `node/` and `debian/`, all packages of the image: from the cache, or fetched. */
export function obtain(architecture: Architecture, say: (line: string) => void): string {
  const sources = SOURCES[architecture];
  return cached(`image-${architecture}`, [NODE_VERSION, sources], (folder) => {
    say(`${architecture}: fetching Node ${NODE_VERSION} and its libraries`);
    fetchNode(sources.node, folder);
    fetchDebian(architecture, sources.debian, folder);
  });
}

/** The path of Node for another machine, from its npm package. */
export const obtainNode = (pinned: NodePackage): string =>
  join(
    cached(pinned.name, [NODE_VERSION, pinned], (folder) => fetchNode(pinned, folder)),
    'node/bin/node',
  );

/** The folder with `debian/` of one more package: for images of tests. */
export const obtainPackage = (architecture: Architecture, pinned: Pinned): string =>
  cached(`${pinned.name}-${architecture}`, pinned, (folder) => fetchDebian(architecture, [pinned], folder));
