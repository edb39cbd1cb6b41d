// @ts-check
/** Looks for a binary in the usual folders of this machine, and accepts it only if it has the right version. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { LINKS } from './places.mjs';
import { run } from './run.mjs';

const ASK_MS = 10_000;

/** @param {string} path */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folders to look into, each with a name for people. */
function folders() {
  const { KUBEBUILDER_ASSETS: assets, PATH = '' } = process.env;
  const onPath = PATH.split(delimiter).filter((folder) => folder !== '' && resolve(folder) !== LINKS);
  return [
    ...(assets ? [{ folder: assets, origin: 'KUBEBUILDER_ASSETS' }] : []),
    ...onPath.map((folder) => ({ folder, origin: 'PATH' })),
  ];
}

/**
 * The path of a fitting binary on this machine, and the name of the folder; undefined if there is none.
 * @param {import('./places.mjs').Binary} binary
 * @returns {Promise<{ path: string, origin: string } | undefined>}
 */
export async function findBinary(binary) {
  for (const { folder, origin } of folders()) {
    const path = resolve(join(folder, binary.name));
    if (!isExecutable(path)) continue;
    const answer = await run(path, binary.ask, { timeoutMs: ASK_MS }).catch(() => '');
    if (binary.fits.test(answer)) return { path, origin };
  }
  return undefined;
}
