/**
 * Writes dist/install.yaml, which is manifests/base in one file, and one file for each other folder of manifests/.
 * kubectl renders them, so the same sources give the same bytes. `--image registry.example.com/name:tag` sets the image.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { imageProblem, isImage } from './release/published.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** File → folder of manifests. `install-*.yaml` includes the base; any other file is applied in addition to one. */
export function installations(root = ROOT): Record<string, string> {
  const folders = readdirSync(`${root}manifests`)
    .filter((folder) => folder !== 'chart')
    .sort();
  const files = folders.map((folder) => {
    if (folder === 'base') return ['install.yaml', folder];
    const text = readFileSync(`${root}manifests/${folder}/kustomization.yaml`, 'utf8');
    return [text.includes('- ../base\n') ? `install-${folder}.yaml` : `${folder}.yaml`, folder];
  });
  return Object.fromEntries(files) as Record<string, string>;
}

/** The kubectl that `make setup` has linked, else the one on PATH. */
function kubectl(): string {
  const linked = `${ROOT}.cache/bin/kubectl`;
  return existsSync(linked) ? linked : 'kubectl';
}

/** Matches the line with the Deployment's image in rendered manifests. */
const IMAGE = /^( +(?:- )?image: )\S+$/gm;

/** The YAML that kustomize makes of a folder of manifests, with `image` in place of the Deployment's image. */
export function rendered(
  folder: string,
  { image, root = ROOT }: { image?: string; root?: string } = {},
): string {
  const yaml = execFileSync(kubectl(), ['kustomize', `${root}manifests/${folder}`], { encoding: 'utf8' });
  return image === undefined ? yaml : yaml.replace(IMAGE, (_, key: string) => `${key}${image}`);
}

/** Writes all installations into a folder. */
export function writeManifests(
  target: string,
  { image, version }: { image?: string; version?: string } = {},
): void {
  mkdirSync(target, { recursive: true });
  const { version: own } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  for (const [name, folder] of Object.entries(installations())) {
    const head = `# stellar-peers ${version ?? own}: what \`kubectl kustomize manifests/${folder}\` makes.\n`;
    writeFileSync(`${target}/${name}`, head + rendered(folder, image === undefined ? {} : { image }));
  }
}

if (import.meta.main) {
  const { image } = parseArgs({ options: { image: { type: 'string' } } }).values;
  if (image !== undefined && !isImage(image)) {
    process.stderr.write(`manifests: ${imageProblem(image)}\n`);
    process.exit(1);
  }
  writeManifests(`${ROOT}dist`, image === undefined ? {} : { image });
  process.stdout.write(
    `${Object.keys(installations())
      .map((name) => `dist/${name}`)
      .join(' ')}\n`,
  );
}
