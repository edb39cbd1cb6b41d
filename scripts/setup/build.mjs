// @ts-check
/** Builds binaries with Go into the cache: checks whether a build can work, then builds and prints its progress. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { home, KUBERNETES } from './places.mjs';
import { compiling, PACKAGE, packagesIn, reading } from './progress.mjs';
import { run } from './run.mjs';
import { duration, SetupError, say } from './say.mjs';

const GO_MINOR_MIN = 26;
const FREE_GB_MIN = 4;
const POLL_MS = 1_000;

/** @typedef {import('./places.mjs').Binary} Binary */
/** @typedef {import('./places.mjs').Kit} Kit */
/** @typedef {import('./places.mjs').Kubernetes} Kubernetes */

/** An environment in which the person's own Go settings do not change the build. */
const goEnv = () => ({ ...process.env, HOME: home(), GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '' });

/** @param {string[]} args */
const go = (args) => run('go', args, { cwd: tmpdir(), env: goEnv() });

/** @param {Binary[]} binaries */
async function checkGo(binaries) {
  const names = namesOf(binaries);
  const todo = `install Go 1.${GO_MINOR_MIN} or newer to build ${names}, or put them at fitting versions on PATH`;
  const answer = await go(['version']).catch(() => {
    throw new SetupError(`Go is missing: ${todo}.`);
  });
  const [, major = '0', minor = '0'] = /go(\d+)\.(\d+)/.exec(answer) ?? [];
  if (Number(major) === 1 && Number(minor) < GO_MINOR_MIN) {
    throw new SetupError(`Go 1.${minor} is too old: ${todo}.`);
  }
}

/** @param {string} path @returns {string} */
const existing = (path) => (existsSync(path) ? path : existing(dirname(path)));

/** @param {string} cache */
async function checkDisk(cache) {
  const { GOCACHE, GOMODCACHE } = JSON.parse(await go(['env', '-json', 'GOCACHE', 'GOMODCACHE']));
  const folders = [GOCACHE, GOMODCACHE, cache, tmpdir()].map(existing);
  for (const folder of folders) {
    const { bavail, bsize } = statfsSync(folder);
    const freeGb = (bavail * bsize) / 1e9;
    if (freeGb >= FREE_GB_MIN) continue;
    throw new SetupError(
      `Too little disk space: building needs ${FREE_GB_MIN} GB, ${folder} has ${freeGb.toFixed(1)} GB free; make room there.`,
    );
  }
}

/** @param {Binary} binary Go names what it builds by the last element of the path, less the version. */
const builtName = (binary) =>
  binary.package
    .replace(/\/v\d+$/, '')
    .split('/')
    .at(-1) ?? binary.name;

/** Prints a line for each binary that appears in `folder`. @param {Binary[]} binaries @param {string} folder */
function watchFolder(binaries, folder) {
  const startedAt = Date.now();
  const left = new Set(binaries);
  const look = () => {
    const built = new Set(readdirSync(folder));
    for (const binary of left) {
      if (!built.has(builtName(binary))) continue;
      left.delete(binary);
      say(`${binary.name}: built, ${duration(Date.now() - startedAt)} after the build began`);
    }
  };
  const polling = setInterval(look, POLL_MS);
  return { left, elapsedMs: () => Date.now() - startedAt, stop: () => clearInterval(polling), look };
}

/** @param {Iterable<Binary>} binaries */
const namesOf = (binaries) => [...binaries].map(({ name }) => name).join(', ');

/**
 * The packages that Go must still compile; its cache has the rest. Programs are counted separately, when they appear.
 * @param {Binary[]} binaries
 * @param {{ module: string, tags: string[] }} how
 */
async function packagesToCompile(binaries, { module, tags }) {
  const startedAt = Date.now();
  const format = '{{if and .Stale (ne .Name "main")}}{{.ImportPath}}{{end}}';
  const args = ['list', '-deps', ...tags, '-f', format, ...binaries.map((binary) => binary.package)];
  /** @param {string} output */
  const beat = (output) =>
    `${namesOf(binaries)}: ${reading(output)} (${duration(Date.now() - startedAt)} so far)`;
  return packagesIn(await run('go', args, { cwd: module, env: goEnv(), beat }));
}

/**
 * @param {Binary[]} binaries
 * @param {{ module: string, tags: string[], folder: string, toCompile: Set<string>, kubernetes: Kubernetes }} how
 */
async function goBuild(binaries, { module, tags, folder, toCompile, kubernetes }) {
  const stamp = 'k8s.io/component-base/version';
  const { version, major, minor } = kubernetes;
  const ldflags = `-s -w -X ${stamp}.gitVersion=${version} -X ${stamp}.gitMajor=${major} -X ${stamp}.gitMinor=${minor}`;
  const packages = binaries.map((binary) => binary.package);
  const watched = watchFolder(binaries, folder);
  /** @param {string} output */
  const beat = (output) => {
    const soFar = `${duration(watched.elapsedMs())} so far`;
    if (watched.left.size === 0) return `all programs are built, waiting for Go to end (${soFar})`;
    return `still building ${namesOf(watched.left)}: ${compiling(output, toCompile)} (${soFar})`;
  };
  const flags = ['-buildvcs=false', ...tags, '-ldflags', ldflags];
  const args = ['build', '-v', ...flags, '-o', `${folder}/`, ...packages];
  try {
    await run('go', args, { cwd: module, env: goEnv(), beat, progress: PACKAGE });
    watched.look();
  } finally {
    watched.stop();
  }
}

/** Makes a folder beside the cache, removed when this process ends; removes those of killed setups. @param {string} cache */
function freshFolder(cache) {
  const prefix = `${basename(cache)}.building-`;
  const old = readdirSync(dirname(cache)).filter((name) => name.startsWith(prefix));
  for (const name of old) rmSync(join(dirname(cache), name), { recursive: true, force: true });
  const folder = `${cache}.building-${process.pid}`;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Copies resource definitions out of a dependency. @param {Kit} kit @param {string} cache */
async function copyDefinitions({ definitions, module }, cache) {
  if (!definitions) return;
  const args = ['list', '-m', '-f', '{{.Dir}}', definitions.module];
  const source = join((await run('go', args, { cwd: module, env: goEnv() })).trim(), definitions.folder);
  const target = join(cache, 'definitions');
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(source)) {
    if (!definitions.files.test(file)) continue;
    // Files of the module cache are read-only, and copies would be too.
    writeFileSync(join(target, file), readFileSync(join(source, file)));
  }
}

/**
 * Builds `binaries` of `kit` into `cache`, each complete or not at all. The caller holds the lock of the cache.
 * @param {Kit} kit
 * @param {Binary[]} binaries
 * @param {string} cache
 */
export async function buildBinaries(kit, binaries, cache) {
  await checkGo(binaries);
  await checkDisk(cache);
  const names = namesOf(binaries);
  say(`${names}: to be built with Go, which reads the sources first`);
  const how = { module: kit.module, tags: kit.tags ? ['-tags', kit.tags.join(',')] : [] };
  const toCompile = await packagesToCompile(binaries, how);
  const programs = `${binaries.length} ${binaries.length === 1 ? 'program' : 'programs'}`;
  say(`${names}: building, ${toCompile.size} packages to compile and ${programs} to link`);
  const folder = freshFolder(cache);
  await goBuild(binaries, { ...how, folder, toCompile, kubernetes: kit.kubernetes ?? KUBERNETES });
  mkdirSync(cache, { recursive: true });
  await copyDefinitions(kit, cache);
  for (const binary of binaries) {
    const built = join(folder, builtName(binary));
    if (!statSync(built, { throwIfNoEntry: false })?.isFile()) {
      throw new SetupError(`go build succeeded but made no ${built}.`);
    }
    renameSync(built, join(cache, binary.name));
  }
}
