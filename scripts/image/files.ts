/** The list of all files of the image and their places, from the fetched packages and from our own dist/. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { needsOf } from './elf.ts';
import type { Sources } from './sources.ts';

/** One file of the image; folders follow from the paths. */
export interface ImageFile {
  /** Without a slash in front. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

const PROGRAM = 0o755;
const PLAIN = 0o644;
export const NODE_PATH = 'nodejs/bin/node';
export const USER = 65532;

/** Files that the C library reads: the name of the user, and the order in which host names are looked up. */
const ACCOUNTS = {
  'etc/passwd': `root:x:0:0:root:/:/sbin/nologin\nnonroot:x:${USER}:${USER}:nonroot:/:/sbin/nologin\n`,
  'etc/group': `root:x:0:\nnonroot:x:${USER}:\n`,
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** Node, its libraries and their licences; changes only with a new Node or Debian. */
export function runtimeFiles(folder: string, sources: Sources): ImageFile[] {
  const read = (path: string): Buffer => readFileSync(join(folder, path));
  const node = read('node/bin/node');
  const loader = needsOf(node).loader?.slice(1) ?? '';
  const libraries = sources.debian.flatMap(({ name, libraries }) =>
    libraries.map((library): ImageFile => {
      const path = library === basename(loader) ? loader : `${sources.libraryFolder}/${library}`;
      return {
        path,
        content: readLibrary(folder, `${sources.libraryFolder}/${library}`, name),
        mode: PROGRAM,
      };
    }),
  );
  const licences = ['libc6', 'gcc-12-base'].map((name) => `usr/share/doc/${name}/copyright`);
  const files: ImageFile[] = [
    { path: NODE_PATH, content: node, mode: PROGRAM },
    ...libraries,
    { path: 'nodejs/LICENSE', content: read('node/LICENSE'), mode: PLAIN },
    ...licences.map((path) => ({ path, content: read(`debian/${path}`), mode: PLAIN })),
    ...Object.entries(ACCOUNTS).map(([path, text]) => ({ path, content: Buffer.from(text), mode: PLAIN })),
  ];
  const missing = missingLibraries(files);
  if (missing.length > 0) throw new Error(`the image lacks ${missing.join(', ')}, which Node needs`);
  return files;
}

/** Some packages have their libraries below `usr/`. */
function readLibrary(folder: string, path: string, name: string): Buffer {
  for (const place of ['debian', 'debian/usr']) {
    try {
      return readFileSync(join(folder, place, path));
    } catch {}
  }
  throw new Error(`the package ${name} has no ${path}`);
}

/** The libraries that programs and libraries among these files need and that are missing, by name, as the loader looks. */
export function missingLibraries(files: readonly ImageFile[]): string[] {
  const names = new Set(files.map(({ path }) => basename(path)));
  const programs = files.filter(({ mode }) => mode === PROGRAM).map(({ content }) => needsOf(content));
  const wanted = programs.flatMap(({ loader, libraries }) => [
    ...libraries,
    ...(loader === undefined ? [] : [basename(loader)]),
  ]);
  return [...new Set(wanted)].filter((name) => !names.has(name)).sort();
}

/**
 * The command, for `kubectl exec`: there is no shell and no `env` in the image. Its heap is small, since it shares the memory
 * limit with the replica.
 */
const COMMAND = `#!/${NODE_PATH} --max-old-space-size=64\nimport '/app/dist/stellar-peers.mjs';\n`;

/** Our own files, from a checkout in which the bundle and the bill of materials were written. */
export function ownFiles(root: string): ImageFile[] {
  const places = {
    'app/LICENSE': 'LICENSE',
    'app/dist/stellar-peers.mjs': 'dist/stellar-peers.mjs',
    'app/dist/stellar-peers.mjs.map': 'dist/stellar-peers.mjs.map',
    'app/dist/stellar-peers.cdx.json': 'dist/stellar-peers.cdx.json',
    'app/dist/licences.txt': 'dist/licences.txt',
  };
  const files = Object.entries(places).map(([path, place]) => ({
    path,
    content: readFileSync(join(root, place)),
    mode: PLAIN,
  }));
  return [...files, { path: 'usr/bin/stellar-peers', content: Buffer.from(COMMAND), mode: PROGRAM }];
}
