/**
 * Writes dist/stellar-peers.cdx.json, the bill of materials (CycloneDX) of what a replica runs, and
 * dist/licences.txt, the licences of all that is in the bundle. The same sources make the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { productionPackages } from './packages.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface Bom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string; purl: string; 'bom-ref': string } };
  components: Array<{ 'bom-ref': string; properties?: unknown[] }>;
  dependencies: Array<{ ref: string; dependsOn?: string[] }>;
}

/**
 * The bill as npm makes it from package-lock.json, without the hour and the folder that it was made in. Which packages
 * belong to it we say: `--omit dev` of npm 11 leaves out what production and development both use.
 */
export function billOfMaterials(): string {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const text = execFileSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const bom = JSON.parse(text) as Bom;
  delete bom.serialNumber;
  delete bom.metadata.timestamp;
  const refs = new Set(productionPackages().map(({ name, version }) => `${name}@${version}`));
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

/** What the licences ask to be shipped with copies: their texts, ours first. */
export function licenceTexts(): string {
  const parts = productionPackages().map(
    ({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text || 'No licence file.'}`,
  );
  const rule = `\n\n${'-'.repeat(100)}\n\n`;
  return `${[readFileSync(`${ROOT}LICENSE`, 'utf8').trim(), ...parts].join(rule)}\n`;
}

if (import.meta.main) {
  mkdirSync(`${ROOT}dist`, { recursive: true });
  writeFileSync(`${ROOT}dist/stellar-peers.cdx.json`, billOfMaterials());
  writeFileSync(`${ROOT}dist/licences.txt`, licenceTexts());
}
