// @ts-check
/**
 * Gets what the project needs on this machine: npm packages and the control plane's binaries, side by side.
 * `--only node` gets only the npm packages. `--only cert-manager`, `--only helm` and `--only node-minimum` get more for
 * `make test-all`, and `--only real-node` gets what `make node-test` needs. Plain JavaScript, because a Node that runs
 * TypeScript comes with the packages.
 */
import { installDebian } from './setup/debian.mjs';
import { obtain } from './setup/kits.mjs';
import { obtainMinimumNode } from './setup/node.mjs';
import { installPackages } from './setup/packages.mjs';
import {
  CERT_MANAGER,
  CONTAINERD,
  CONTROL_PLANE,
  cacheRoot,
  DNS,
  HELM,
  KUBELET,
  OLDEST_CONTROL_PLANE,
} from './setup/places.mjs';
import { duration, SetupError, say } from './setup/say.mjs';

const startedAt = Date.now();
/** Obtains kits one after the other, because Go uses the whole machine for each. @param {import('./setup/places.mjs').Kit[]} kits */
async function obtainAll(kits) {
  for (const kit of kits) await obtain(kit);
}

/** @type {Record<string, () => Array<Promise<void>>>} */
const WORK = {
  '': () => [installPackages(), obtain(CONTROL_PLANE)],
  '--only node': () => [installPackages()],
  '--only cert-manager': () => [obtain(CERT_MANAGER)],
  '--only helm': () => [obtain(HELM)],
  '--only oldest': () => [obtain(OLDEST_CONTROL_PLANE)],
  '--only node-minimum': () => [obtainMinimumNode()],
  '--only real-node': () => [installDebian(), obtainAll([KUBELET, CONTAINERD, DNS, HELM])],
};
const asked = process.argv.slice(2).join(' ');
const begin = WORK[asked];
if (!begin) {
  process.stderr.write(
    `setup: ${asked} is not known; there are ${Object.keys(WORK).filter(Boolean).join(', ')}\n`,
  );
  process.exit(2);
}

// End by exit(), so that exit handlers can remove half-made files.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => process.exit(1));

/** Prints a failure at once; the other work continues. @param {unknown} error */
function report(error) {
  process.stderr.write(`setup: ${wordsOf(error)}\n`);
  process.exitCode = 1;
}

/** The text of an error, with its stack unless the error names a path, such as a folder without access. @param {unknown} error */
function wordsOf(error) {
  if (!(error instanceof Error)) return error;
  if (error instanceof SetupError) return error.message;
  const { path, message, stack } = /** @type {NodeJS.ErrnoException} */ (error);
  if (path === undefined) return stack;
  return path.startsWith(cacheRoot()) ? `${message}; STELLAR_PEERS_CACHE names another folder` : message;
}

await Promise.all(begin().map((part) => part.catch(report)));
const tookMs = Date.now() - startedAt;
if (process.exitCode === undefined && tookMs > 2_000) say(`done in ${duration(tookMs)}`);
