/**
 * Writes what the image runs: the program in one file, with its source map beside it, and of each dependency only what
 * is used. Development and tests run the sources.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { ASSETS } from '../page/assets.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * The Kubernetes client's generated API and models, which nothing of ours asks for. Loading them has no effect, which
 * its package.json does not say; the bundler would keep their tables.
 */
const UNUSED_BARRELS = /^\.{1,2}\/(models\/ObjectSerializer|types\/ObjectParamAPI)\.js$/;
/** The models, which its index exports as a whole: the bundler keeps that in what is loaded by import(). */
const MODELS = /^\.\/models\/all\.js$/;

const CLIENT_WITHOUT_API: Plugin = {
  name: 'client-without-api',
  setup: ({ onResolve, onLoad, resolve }) => {
    onResolve({ filter: MODELS }, ({ path }) => ({ path, namespace: 'no-models' }));
    onLoad({ filter: /.*/, namespace: 'no-models' }, () => ({ contents: '' }));
    onResolve({ filter: UNUSED_BARRELS }, async ({ path, pluginData, ...from }) => {
      // Asked once more by ourselves: the bundler's own answer is what is wanted.
      if (pluginData === UNUSED_BARRELS) return undefined;
      const found = await resolve(path, { ...from, pluginData: UNUSED_BARRELS });
      return { ...found, sideEffects: false };
    });
  },
};

/**
 * What the Kubernetes client sends requests with, which is half of the bundle: ours go over node:https (0002). Its
 * configuration makes nothing of it unless it is asked for a dispatcher, which nothing of ours does.
 */
const CLIENT_WITHOUT_UNDICI: Plugin = {
  name: 'client-without-undici',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'unused' }));
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: `const unused = () => { throw new Error('undici is not in the bundle'); };
        export { unused as Agent, unused as ProxyAgent, unused as FormData, unused as fetch };`,
      loader: 'js',
    }));
  },
};

/** The files of the status page go into the bundle: beside it there is nothing of ours. */
const WITH_PAGE: Plugin = {
  name: 'with-page',
  setup: ({ onLoad }) => {
    onLoad({ filter: /page\/assets\.ts$/ }, () => ({
      contents: `export const ASSETS = ${JSON.stringify(ASSETS)};`,
      loader: 'js',
    }));
  },
};

/** Dependencies in CommonJS ask for Node's own modules by `require`, which a module does not have by itself. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Writes the bundle and its source map, unless `write` is false; the files that something in it comes from, relative. */
export async function bundle(outfile: string, { write = true } = {}): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: ['main.ts'],
    absWorkingDir: ROOT,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: 'linked',
    // Names stay, so that a stack can be read without the source map.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: REQUIRE },
    plugins: [CLIENT_WITHOUT_API, CLIENT_WITHOUT_UNDICI, WITH_PAGE],
    metafile: true,
    write,
    logLevel: write ? 'info' : 'warning',
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
}

if (import.meta.main) {
  const [outfile = 'dist/stellar-peers.mjs'] = process.argv.slice(2);
  await bundle(resolve(outfile));
}
