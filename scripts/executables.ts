/**
 * Writes dist/executables: the command as one file for each kind of machine, by Node's own single-executable build. Any
 * machine can build the files for all others. The executables for macOS were never run: see docs/command.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.ts';
import { signedAdHoc } from './executables/sign.ts';
import { obtainNode } from './image/obtain.ts';
import { ARCHITECTURES, type Architecture, DARWIN_NODE, type NodePackage, SOURCES } from './image/sources.ts';
import { tarOf } from './image/tar.ts';
import { bundledPackages } from './packages.ts';
import { licenceTexts } from './sbom.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TARGET = `${ROOT}dist/executables`;
const PROGRAM = 0o755;
const PLAIN = 0o644;

/** The name of the program that `kubectl stellar-peers` runs. */
export const PLUGIN = 'kubectl-stellar_peers';

interface Machine {
  readonly os: 'linux' | 'darwin';
  readonly arch: Architecture;
  readonly node: NodePackage;
}

/** Every machine that an executable is made for. */
export const MACHINES: readonly Machine[] = ARCHITECTURES.flatMap((arch) => [
  { os: 'linux', arch, node: SOURCES[arch].node } as const,
  { os: 'darwin', arch, node: DARWIN_NODE[arch] } as const,
]);

/** Name of the archive with the executable for a machine. */
export const archiveName = (version: string, { os, arch }: Omit<Machine, 'node'>): string =>
  `${PLUGIN}-${version}-${os}-${arch}.tar.gz`;

/** The bundle and Node as one executable file. An executable for macOS is signed ad hoc. */
export function executableOf(bundled: string, node: string, os: Machine['os']): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'stellar-peers-executable-'));
  try {
    const output = join(folder, PLUGIN);
    const settings = {
      ...{ main: bundled, mainFormat: 'module', executable: node, output },
      // A code cache or snapshot would have to be made on the machine that runs it.
      ...{ useCodeCache: false, useSnapshot: false, disableExperimentalSEAWarning: true },
      // The NODE_OPTIONS of a person must not change the command.
      execArgvExtension: 'none',
    };
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
    execFileSync(process.execPath, ['--build-sea', join(folder, 'settings.json')], { stdio: 'pipe' });
    const built = readFileSync(output);
    return os === 'darwin' ? signedAdHoc(built, PLUGIN) : built;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function writeExecutables(version: string): Promise<void> {
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET, { recursive: true });
  const bundled = join(TARGET, 'stellar-peers.mjs');
  await bundle(bundled);
  const licences = [readFileSync(`${ROOT}LICENSE`), Buffer.from(licenceTexts(await bundledPackages()))];
  for (const machine of MACHINES) {
    const node = obtainNode(machine.node);
    const nodeLicence = readFileSync(join(node, '../../LICENSE'));
    const archive = tarOf([
      { path: PLUGIN, content: executableOf(bundled, node, machine.os), mode: PROGRAM },
      { path: 'LICENSE', content: licences[0] ?? Buffer.alloc(0), mode: PLAIN },
      {
        path: 'licences.txt',
        content: Buffer.concat([licences[1] ?? Buffer.alloc(0), nodeLicence]),
        mode: PLAIN,
      },
    ]);
    writeFileSync(join(TARGET, archiveName(version, machine)), gzipSync(archive));
    process.stdout.write(`dist/executables/${archiveName(version, machine)}\n`);
  }
  for (const name of ['stellar-peers.mjs', 'stellar-peers.mjs.map']) rmSync(join(TARGET, name));
}

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  await writeExecutables(version);
}
