/**
 * Writes dist/release: all files of a release, their checksums, and its notes. Refuses a tree that is not committed, a
 * version that some file does not have yet, a version without a section in the changelog, and workflows without digests.
 * Publishes nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.ts';
import { archiveName, MACHINES, PLUGIN } from './executables.ts';
import { tarOf } from './image/tar.ts';
import { writeManifests } from './manifests.ts';
import { bundledPackages } from './packages.ts';
import { findHelm, packageChart } from './release/chart.ts';
import { krewManifest } from './release/krew.ts';
import { unpinned } from './release/pins.ts';
import {
  imageProblem,
  isImage,
  isRepository,
  type Published,
  publishedAt,
  withLinks,
} from './release/published.ts';
import { billOfMaterials, licenceTexts } from './sbom.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TARGET = `${ROOT}dist/release`;
const EXECUTABLES = `${ROOT}dist/executables`;
const WORKFLOWS = '.github/workflows/';

/** The files that contain the version, with a pattern for its place. */
const VERSIONED: ReadonlyArray<readonly [string, RegExp]> = [
  ['package.json', /^ {2}"version": "(.*)",$/m],
  ['package-lock.json', /^ {2}"version": "(.*)",$/m],
  ['manifests/base/kustomization.yaml', /^ {4}newTag: (.*)$/m],
  ['manifests/chart/Chart.yaml', /^version: (.*)$/m],
  ['manifests/chart/Chart.yaml', /^appVersion: (.*)$/m],
  ['README.md', /^ {4}newTag: (.*)$/m],
];

/** The section of a version in the changelog, without its heading; undefined if it is missing or empty. */
export function changelogSection(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^(?=## )/m).slice(1);
  const heading = new RegExp(`^## \\[?${version.replaceAll('.', '\\.')}\\]?(?![\\w.-])`);
  const section = sections.find((text) => heading.test(text));
  return section?.replace(/^## .*\n/, '').trim() || undefined;
}

const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

/** A sentence for each workflow that uses actions or images without a digest. */
function missingDigests(): string[] {
  return readdirSync(`${ROOT}${WORKFLOWS}`).flatMap((name) => {
    const without = [...new Set(unpinned(read(`${WORKFLOWS}${name}`)))];
    if (without.length === 0) return [];
    return [
      `${WORKFLOWS}${name} has no digest of ${without.join(', ')}: docs/CONTRIBUTING.md, How to release.`,
    ];
  });
}

/** The problems that prevent a release of this version, each as a sentence. */
function problems(version: string, repository: string, image: string | undefined): string[] {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
    return [`VERSION is "${version}"; it takes one like 1.2.3: make release VERSION=1.2.3.`];
  const found: string[] = [];
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' }).trim();
  if (changed !== '') found.push(`The working tree has changes that are not committed:\n${changed}`);
  for (const [path, pattern] of VERSIONED) {
    const said = pattern.exec(read(path))?.[1];
    if (said !== version) found.push(`${path} says ${said ?? 'no version'}, not ${version}.`);
  }
  if (changelogSection(read('CHANGELOG.md'), version) === undefined)
    found.push(`CHANGELOG.md has no section "## ${version}" with something in it.`);
  if (!isRepository(repository))
    found.push(`REPOSITORY is "${repository}"; it takes an address like https://github.com/OWNER/NAME.`);
  if (image !== undefined && !isImage(image)) found.push(imageProblem(image));
  return [...found, ...missingDigests()];
}

/** The files that cannot be made here, each as a sentence. */
function lacking(version: string): string[] {
  const archives = MACHINES.map((machine) => `${EXECUTABLES}/${archiveName(version, machine)}`);
  return [
    ...(findHelm(ROOT) === undefined
      ? ['no chart package: helm is not here (node scripts/setup.mjs --only helm)']
      : []),
    ...(archives.every((path) => existsSync(path))
      ? []
      : ['no executables and no krew manifest: run `make executables` first']),
  ];
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** `<sha256>  <name>` of each file, as `sha256sum -c` reads it. */
function checksums(): string {
  const lines = readdirSync(TARGET)
    .sort()
    .map((name) => `${sha256(`${TARGET}/${name}`)}  ${name}\n`);
  return lines.join('');
}

/** The command as a package for `npm install -g URL`. It has the bundle, and allows each Node that package.json allows. */
function writeCommand(version: string, repository: string): void {
  const { name, description, license, engines } = JSON.parse(read('package.json')) as Record<string, unknown>;
  const bin = { 'stellar-peers': 'stellar-peers.mjs', [PLUGIN]: 'stellar-peers.mjs' };
  const metadata = {
    name,
    version,
    description,
    license,
    repository: `git+${repository}.git`,
    type: 'module',
    engines,
    bin,
  };
  const files = {
    'package.json': Buffer.from(`${JSON.stringify(metadata, undefined, 2)}\n`),
    'stellar-peers.mjs': readFileSync(`${TARGET}/stellar-peers.mjs`),
    LICENSE: readFileSync(`${ROOT}LICENSE`),
    'licences.txt': readFileSync(`${TARGET}/licences.txt`),
  };
  const members = Object.entries(files).map(([path, content]) => ({
    path: `package/${path}`,
    content,
    mode: path.endsWith('.mjs') ? 0o755 : 0o644,
  }));
  writeFileSync(`${TARGET}/stellar-peers-command-${version}.tgz`, gzipSync(tarOf(members)));
}

/** The executables and the krew manifest that names them. */
function writeExecutables(version: string, { repository, files }: Published): void {
  const archives = MACHINES.map(({ os, arch }) => {
    const name = archiveName(version, { os, arch });
    cpSync(`${EXECUTABLES}/${name}`, `${TARGET}/${name}`);
    return { os, arch, url: `${files}/${name}`, sha256: sha256(`${TARGET}/${name}`) };
  });
  writeFileSync(`${TARGET}/krew.yaml`, krewManifest(version, { repository, bin: PLUGIN, archives }));
}

async function writeRelease(version: string, published: Published): Promise<void> {
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET, { recursive: true });
  await bundle(`${TARGET}/stellar-peers.mjs`);
  const { image } = published;
  writeManifests(TARGET, { version, ...(image === undefined ? {} : { image }) });
  for (const name of readdirSync(TARGET).filter((each) => each.endsWith('.yaml')))
    writeFileSync(`${TARGET}/${name}`, withLinks(readFileSync(`${TARGET}/${name}`, 'utf8'), published));
  const packages = await bundledPackages();
  writeFileSync(`${TARGET}/stellar-peers.cdx.json`, billOfMaterials(packages));
  writeFileSync(`${TARGET}/licences.txt`, licenceTexts(packages));
  writeCommand(version, published.repository);
  const helm = findHelm(ROOT);
  if (helm !== undefined) packageChart(helm, { root: ROOT, target: TARGET }, published);
  if (existsSync(EXECUTABLES)) writeExecutables(version, published);
  const section = changelogSection(read('CHANGELOG.md'), version) ?? '';
  writeFileSync(`${TARGET}/RELEASE_NOTES.md`, `# stellar-peers ${version}\n\n${section}\n`);
  writeFileSync(`${TARGET}/SHA256SUMS`, checksums());
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { image: { type: 'string' }, repository: { type: 'string', default: '' } },
  });
  const [version = ''] = positionals;
  const { image, repository } = values;
  const missing = lacking(version);
  const found = [...problems(version, repository, image), ...(process.env.CI === 'true' ? missing : [])];
  for (const problem of found) process.stderr.write(`release: ${problem}\n`);
  if (found.length > 0) process.exit(1);
  for (const each of missing) process.stderr.write(`release: ${each}\n`);
  await writeRelease(version, publishedAt(repository, version, image));
  process.stdout.write(
    `dist/release:\n${readdirSync(TARGET)
      .map((name) => `  ${name}\n`)
      .join('')}`,
  );
}
