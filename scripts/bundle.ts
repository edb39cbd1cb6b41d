/**
 * Writes the program that the image runs as one file, with its source map. It contains only the used parts of each
 * dependency. Development and tests run the sources.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { ASSETS } from '../page/assets.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * The Kubernetes client's generated API and models, which we do not use. Loading them has no side effects, but the
 * package.json of the client does not say so, and the bundler would keep their tables.
 */
const UNUSED_BARRELS = /^\.{1,2}\/(models\/ObjectSerializer|types\/ObjectParamAPI)\.js$/;
/** All models of the client. Its index exports them, so the bundler would keep them in files that import() loads. */
const MODELS = /^\.\/models\/all\.js$/;

const CLIENT_WITHOUT_API: Plugin = {
  name: 'client-without-api',
  setup: ({ onResolve, onLoad, resolve }) => {
    onResolve({ filter: MODELS }, ({ path }) => ({ path, namespace: 'no-models' }));
    onLoad({ filter: /.*/, namespace: 'no-models' }, () => ({ contents: '' }));
    onResolve({ filter: UNUSED_BARRELS }, async ({ path, pluginData, ...from }) => {
      // This is our own call of `resolve` below, which wants the bundler's answer.
      if (pluginData === UNUSED_BARRELS) return undefined;
      const found = await resolve(path, { ...from, pluginData: UNUSED_BARRELS });
      return { ...found, sideEffects: false };
    });
  },
};

/**
 * Leaves out undici, which would be half of the bundle. The Kubernetes client sends its requests with undici, but we send
 * ours over node:https (0002), and never ask the client's configuration for a dispatcher.
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

/** Puts the files of the status page into the bundle, because the image has no other files of ours. */
const WITH_PAGE: Plugin = {
  name: 'with-page',
  setup: ({ onLoad }) => {
    onLoad({ filter: /page\/assets\.ts$/ }, () => ({
      contents: `export const ASSETS = ${JSON.stringify(ASSETS)};`,
      loader: 'js',
    }));
  },
};

/** Defines `require`, which CommonJS dependencies use for Node's own modules, and which an ES module does not have. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Writes the bundle and its source map, unless `write` is false. Resolves to the relative paths of its source files. */
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
    // Keep names, so that a stack trace can be read without the source map.
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
