/**
 * The production packages and the packages in the bundle: their pins in package-lock.json, and their own metadata in
 * node_modules.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const ROOT = new URL('../', import.meta.url);

/** The entry of one package in package-lock.json. */
export interface Pin {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly licence: string;
  readonly pin: Pin;
  /** The text of the package's licence files and NOTICE; empty if it has none. */
  readonly text: string;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const parsed = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as Record<string, unknown>;

function packageAt(path: string, pin: Pin): Package {
  const { name, version, license } = parsed(`${path}/package.json`);
  const folder = fileURLToPath(new URL(`${path}/`, ROOT));
  const files = readdirSync(folder).filter((file) =>
    /^(licen[cs]e|copying|notice)(?!.*\.[cm]?js$)/i.test(file),
  );
  return {
    name: String(name),
    version: String(version),
    licence: typeof license === 'string' ? license : JSON.stringify(license),
    pin,
    text: files
      .sort(byText)
      .map((file) => readFileSync(`${folder}${file}`, 'utf8').trim())
      .join('\n\n'),
  };
}

/** The packages of package-lock.json that are wanted, in order; each version of a package once. */
function packagesAt(isWanted: (path: string, pin: Pin) => boolean): Package[] {
  const pins = parsed('package-lock.json').packages as Record<string, Pin>;
  const found = Object.entries(pins)
    .filter(([path, pin]) => path !== '' && isWanted(path, pin))
    .map(([path, pin]) => packageAt(path, pin));
  const unique = new Map(found.map((each) => [`${each.name}@${each.version}`, each]));
  return [...unique].sort(([a], [b]) => byText(a, b)).map(([, each]) => each);
}

/** All production dependencies, direct and indirect. */
export const productionPackages = (): Package[] => packagesAt((_, { dev }) => !dev);

/** The packages that have a part in the bundle, as the bundler reports. */
export async function bundledPackages(): Promise<Package[]> {
  const files = await bundle('unwritten.mjs', { write: false });
  const paths = new Set(files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]));
  return packagesAt((path) => paths.has(path));
}

/** The dependencies in package.json, by name. */
export const directDependencies = (): Record<string, string> =>
  parsed('package.json').dependencies as Record<string, string>;
