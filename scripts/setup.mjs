// @ts-check
/**
 * Gets what the project needs on this machine: npm packages and the control plane's binaries, side by side.
 * `--only node` gets the packages alone. Plain JavaScript, because a Node that runs TypeScript comes with them.
 */
import { obtainControlPlane } from './setup/control-plane.mjs';
import { installPackages } from './setup/packages.mjs';
import { duration, SetupError, say } from './setup/say.mjs';

const startedAt = Date.now();
const onlyNode = process.argv.slice(2).join(' ') === '--only node';

// Ending by exit() lets what was started and half made be cleared away.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => process.exit(1));

/** Tells a failure as soon as it is known; the other half goes on. @param {unknown} error */
function report(error) {
  const told = error instanceof SetupError ? error.message : error instanceof Error ? error.stack : error;
  process.stderr.write(`setup: ${told}\n`);
  process.exitCode = 1;
}

const work = onlyNode ? [installPackages()] : [installPackages(), obtainControlPlane()];
await Promise.all(work.map((half) => half.catch(report)));
const tookMs = Date.now() - startedAt;
if (process.exitCode === undefined && tookMs > 2_000) say(`done in ${duration(tookMs)}`);
