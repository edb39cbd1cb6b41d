/**
 * Writes dist/release: all files of a release, their checksums, and its notes. Refuses a tree that is not committed, a
 * version that some file does not have yet, and one that the changelog does not tell of. Publishes nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeManifests } from './manifests.ts';
import { billOfMaterials, licenceTexts } from './sbom.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TARGET = `${ROOT}dist/release`;

/** Where a version stands, as the pattern around it. */
const VERSIONED: ReadonlyArray<readonly [string, RegExp]> = [
  ['package.json', /^ {2}"version": "(.*)",$/m],
  ['package-lock.json', /^ {2}"version": "(.*)",$/m],
  ['manifests/base/kustomization.yaml', /^ {4}newTag: (.*)$/m],
  ['manifests/chart/Chart.yaml', /^version: (.*)$/m],
  ['manifests/chart/Chart.yaml', /^appVersion: (.*)$/m],
  ['README.md', /^ {4}newTag: (.*)$/m],
];

/** What the changelog says of a version, without its heading; undefined where it says nothing. */
export function changelogSection(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^(?=## )/m).slice(1);
  const heading = new RegExp(`^## \\[?${version.replaceAll('.', '\\.')}\\]?(?![\\w.-])`);
  const section = sections.find((text) => heading.test(text));
  return section?.replace(/^## .*\n/, '').trim() || undefined;
}

/** What stands in the way of a release of this version, each as a sentence. */
function problems(version: string): string[] {
  const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
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
  return found;
}

/** Path of helm, as `make setup` links it or on PATH; undefined where there is none. */
function findHelm(): string | undefined {
  const places = [`${ROOT}.cache/bin`, ...(process.env.PATH ?? '').split(':')];
  return places.map((folder) => `${folder}/helm`).find((path) => existsSync(path));
}

/** `repository:tag` or `repository@digest` as the chart's values name them. */
export function chartImage(values: string, image: string): string {
  const [repository = '', digest = ''] = image.split('@');
  const [, name = '', tag = ''] = /^(.+?)(?::([^:/]+))?$/.exec(repository) ?? [];
  const said = { repository: name, tag: digest === '' ? tag : '', digest };
  return Object.entries(said).reduce(
    (text, [key, value]) => text.replace(new RegExp(`^( {2}${key}: ).*$`, 'm'), `$1${value || '""'}`),
    values,
  );
}

/** The chart as a package, with the image that is given; says so where there is no helm to make it. */
function packageChart(image: string | undefined): void {
  const helm = findHelm();
  if (helm === undefined) {
    process.stderr.write(
      'release: without a chart package, since helm is not here (node scripts/setup.mjs --only helm)\n',
    );
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-chart-'));
  try {
    cpSync(`${ROOT}manifests/chart`, folder, { recursive: true });
    const values = readFileSync(`${folder}/values.yaml`, 'utf8');
    if (image !== undefined) writeFileSync(`${folder}/values.yaml`, chartImage(values, image));
    execFileSync(helm, ['package', folder, '-d', TARGET], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `<sha256>  <name>` of each file, as `sha256sum -c` reads it. */
function checksums(): string {
  const lines = readdirSync(TARGET)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(`${TARGET}/${name}`))
          .digest('hex')}  ${name}\n`,
    );
  return lines.join('');
}

function writeRelease(version: string, image: string | undefined): void {
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET, { recursive: true });
  execFileSync(process.execPath, ['scripts/bundle.ts', `${TARGET}/stellar-peers.mjs`], {
    cwd: ROOT,
    stdio: 'pipe',
  });
  writeManifests(TARGET, { version, ...(image === undefined ? {} : { image }) });
  packageChart(image);
  writeFileSync(`${TARGET}/stellar-peers.cdx.json`, billOfMaterials());
  writeFileSync(`${TARGET}/licences.txt`, licenceTexts());
  const section = changelogSection(readFileSync(`${ROOT}CHANGELOG.md`, 'utf8'), version) ?? '';
  writeFileSync(`${TARGET}/RELEASE_NOTES.md`, `# stellar-peers ${version}\n\n${section}\n`);
  writeFileSync(`${TARGET}/SHA256SUMS`, checksums());
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { image: { type: 'string' } },
  });
  const [version = ''] = positionals;
  const found = problems(version);
  for (const problem of found) process.stderr.write(`release: ${problem}\n`);
  if (found.length > 0) process.exit(1);
  writeRelease(version, values.image);
  process.stdout.write(
    `dist/release:\n${readdirSync(TARGET)
      .map((name) => `  ${name}\n`)
      .join('')}`,
  );
}
