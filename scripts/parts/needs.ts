/** Gets what some parts of the tests need beyond the prerequisites, or says in a few words why it is not available. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { whyNoRealNode } from './real-node.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Why something is not available; undefined if it is. */
type Lack = string | undefined;

/** Kit of `scripts/setup.mjs` → the folder of its Go module, and the package that is built from it. */
const KITS = {
  helm: { module: 'test/helm', package: 'helm.sh/helm/v4/cmd/helm' },
  'cert-manager': { module: 'test/certmanager', package: '.' },
} as const;

/** The shells that an image may have. The unit tests run the merge script under those that are installed. */
const SHELLS = ['dash', 'busybox', 'bash'];

const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

/** `obtain` of a part that needs all these programs. */
export const onPath =
  (...programs: readonly string[]) =>
  async (): Promise<Lack> => {
    const missing = programs.filter((program) => !isOnPath(program));
    return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
  };

/** What the unit tests leave out here, each with the reason. */
export const shellsLeftOut = (): string[] =>
  SHELLS.filter((shell) => !isOnPath(shell)).map(
    (shell) => `the merge script under ${shell} (not installed: ${shell})`,
  );

/** `obtain` of a part that needs a program built with Go. Rejects if a build fails although tools and sources are there. */
export const builtBy = (kit: keyof typeof KITS) => async (): Promise<Lack> => {
  const failure = await setupOf(kit);
  if (failure === undefined) return undefined;
  const lack = noBuild(KITS[kit]);
  if (lack === undefined) throw new Error(failure);
  return lack;
};

/** `obtain` of the part that needs the oldest Node that we promise. */
export const minimumNode = async (): Promise<Lack> => {
  const failure = await setupOf('node-minimum');
  return failure?.trim().split('\n').at(-1)?.replace('setup: ', '');
};

/** `obtain` of the part that starts kubelets and containers: the abilities of the machine, the programs, and the image. */
export const realNode = async (): Promise<Lack> => {
  const lack = whyNoRealNode();
  if (lack !== undefined) return lack;
  const failure = await setupOf('real-node');
  if (failure !== undefined) return failure.trim().split('\n').at(-1)?.replace('setup: ', '');
  const { status } = spawnSync('make', ['image'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('make image failed');
  return undefined;
};

/** Runs setup for a kit. Resolves to its error output if it fails, else to undefined. */
async function setupOf(kit: string): Promise<string | undefined> {
  const args = [join(ROOT, 'scripts/setup.mjs'), '--only', kit];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return code === 0 ? undefined : said;
}

/** Why a Go package cannot be built here; undefined if all its sources are available. */
function noBuild({ module, package: name }: (typeof KITS)[keyof typeof KITS]): Lack {
  if (!isOnPath('go')) return 'not installed: go';
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '' };
  const { stderr } = spawnSync('go', ['list', '-deps', name], {
    cwd: join(ROOT, module),
    env,
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  const told = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('go: downloading'));
  return told.at(-1);
}
