/**
 * Writes dist/stellar-peers.cdx.json, the bill of materials (CycloneDX) of what is in the bundle, and dist/licences.txt,
 * the licences of the same. The same sources make the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundledPackages, type Package } from './packages.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface Bom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string; purl: string; 'bom-ref': string } };
  components: Array<{ 'bom-ref': string; properties?: unknown[] }>;
  dependencies: Array<{ ref: string; dependsOn?: string[] }>;
}

/**
 * The bill of materials that npm makes from package-lock.json, without the time and the folder of its making. It has only
 * the packages that the bundler reports, because many installed packages have no part in the bundle.
 */
export function billOfMaterials(packages: readonly Package[]): string {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const text = execFileSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const bom = JSON.parse(text) as Bom;
  delete bom.serialNumber;
  delete bom.metadata.timestamp;
  const refs = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  bom.components = bom.components
    .filter((component) => refs.has(component['bom-ref']))
    .map(({ properties: _, ...component }) => component);
  refs.add(bom.metadata.component['bom-ref']);
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => refs.has(on)) }));
  bom.metadata.component.name = bom.metadata.component.purl.replace(/^pkg:npm\/|@.*$/g, '');
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

/** The texts of the licences, ours first: the licences demand that copies include them. */
export function licenceTexts(packages: readonly Package[]): string {
  const parts = packages.map(
    ({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text || 'No licence file.'}`,
  );
  const rule = `\n\n${'-'.repeat(100)}\n\n`;
  return `${[readFileSync(`${ROOT}LICENSE`, 'utf8').trim(), ...parts].join(rule)}\n`;
}

if (import.meta.main) {
  mkdirSync(`${ROOT}dist`, { recursive: true });
  const packages = await bundledPackages();
  writeFileSync(`${ROOT}dist/stellar-peers.cdx.json`, billOfMaterials(packages));
  writeFileSync(`${ROOT}dist/licences.txt`, licenceTexts(packages));
}
