/**
 * Runs of the merge script as a container would have them: folders like the kubelet's, and a PATH that holds nothing
 * but the four tools that the script may use.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { parse } from 'smol-toml';
import { MERGE_SCRIPT } from '../../../peers/merge-script.ts';

const located = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const TOOLS = ['cat', 'ln', 'mv', 'rm'] as const;

export interface Shell {
  readonly name: string;
  readonly program: string | undefined;
  readonly options: readonly string[];
}

export const SHELLS: readonly Shell[] = [
  { name: 'dash', program: located('dash'), options: [] },
  { name: 'busybox sh', program: located('busybox'), options: ['sh'] },
  { name: 'bash --posix', program: located('bash'), options: ['--posix'] },
];

export const FILE = 'stellar-core.cfg';
export const PEERS = ['validator-2.stellar.svc:11625', '192.0.2.10:11725', 'core.example.org:1'] as const;
export const lines = (peers: readonly string[]): string => peers.map((peer) => `${peer}\n`).join('');

interface Run {
  readonly status: number | null;
  /** The termination message, or undefined where there is none. */
  readonly outcome: string | undefined;
  readonly said: string;
  readonly tookMs: number;
}
interface Asked {
  readonly key?: string;
  readonly file?: string;
  /** Instead of the folder's own. */
  readonly target?: string;
  readonly log?: string;
  readonly peers?: string;
  /** The user to run as, where the tests may choose one. */
  readonly uid?: number | undefined;
  /** A tool that the image does not have. */
  readonly lacking?: (typeof TOOLS)[number];
}

/** The volumes of one pod: its configuration as the kubelet mounts a ConfigMap, our peers, an empty target. */
export class Volumes {
  readonly root = mkdtempSync(join(tmpdir(), 'merge-'));
  readonly original = join(this.root, 'original [x] *');
  readonly target = join(this.root, 'target $y');
  readonly peers = join(this.root, 'peers.txt');
  readonly log = join(this.root, 'termination-log');
  #version = 0;

  constructor(files: Readonly<Record<string, string | Buffer>>, peers: string | undefined = lines(PEERS)) {
    chmodSync(this.root, 0o777);
    mkdirSync(this.original);
    mkdirSync(this.target);
    this.publish(files);
    for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(this.original, name));
    if (peers !== undefined) writeFileSync(this.peers, peers);
  }

  /** New content of the ConfigMap, put in place as the kubelet does: all of it at once. */
  publish(files: Readonly<Record<string, string | Buffer>>): void {
    this.#version += 1;
    const version = `..2026_11_23_${this.#version}`;
    mkdirSync(join(this.original, version));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.original, version, name), text);
    }
    symlinkSync(version, join(this.original, '..data_tmp'));
    renameSync(join(this.original, '..data_tmp'), join(this.original, '..data'));
  }

  run(shell: Shell, asked: Asked = {}): Run {
    assert.ok(shell.program);
    const {
      key = 'auto',
      file = FILE,
      target = this.target,
      log = this.log,
      peers = this.peers,
      uid,
    } = asked;
    rmSync(this.log, { force: true });
    const args = ['-c', MERGE_SCRIPT, 'stellar-peers-config', this.original, file, peers, target, key, log];
    const startedMs = performance.now();
    const { status, stdout } = spawnSync(shell.program, [...shell.options, ...args], {
      ...(uid === undefined ? {} : { uid }),
      // What an image may set; the script must not depend on it.
      env: { PATH: this.#tools(shell, asked.lacking), LANG: 'C.UTF-8', IFS: 'EN_-.' },
      encoding: 'utf8',
      // As in a container; at a socket bash would take itself for a remote login and read its start files.
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    const tookMs = performance.now() - startedMs;
    const message = existsSync(this.log) ? readFileSync(this.log, 'utf8') : undefined;
    if (message !== undefined) assert.match(message, /^[ -~]{1,200}\n$/);
    return { status, outcome: message?.trimEnd(), said: stdout, tookMs };
  }

  /** What the main container reads. */
  read(file = FILE, target = this.target): Buffer {
    return readFileSync(join(target, file));
  }

  remove(): void {
    chmodSync(this.target, 0o777);
    rmSync(this.root, { recursive: true });
  }

  #tools(shell: Shell, lacking: string | undefined): string {
    const folder = join(this.root, `${shell.name} without ${lacking}`);
    if (existsSync(folder)) return folder;
    mkdirSync(folder);
    for (const tool of TOOLS.filter((name) => name !== lacking)) {
      const program = shell.name.startsWith('busybox') ? shell.program : located(tool);
      symlinkSync(program ?? `no ${tool}`, join(folder, tool));
    }
    return folder;
  }
}

/** A test under each shell; where one is not installed the report says so. */
export function underEachShell(
  promise: string,
  test: (shell: Shell, t: TestContext) => void | Promise<void>,
): void {
  for (const shell of SHELLS) {
    it(`${promise} (${shell.name})`, (t) =>
      shell.program === undefined ? t.skip(`${shell.name} is not installed`) : test(shell, t));
  }
}

/** `body` with volumes that are gone afterwards. */
export function withVolumes<T>(
  files: Readonly<Record<string, string | Buffer>>,
  body: (volumes: Volumes) => T,
  peers?: string,
): T {
  const volumes = new Volumes(files, peers);
  try {
    return body(volumes);
  } finally {
    volumes.remove();
  }
}

/** A configuration as a TOML 1.0 parser reads it; a byte order mark at its start is no part of TOML's grammar. */
export const toml = (text: string | Buffer): Record<string, unknown> => ({
  ...parse(text.toString().replace(/^\uFEFF/, '')),
});

/** What the script has to say and the main container to read, given the keys that `original` takes itself. */
export function expected(original: string, taken: readonly string[], key = 'auto') {
  const wanted = ['KNOWN_PEERS', 'PREFERRED_PEERS'].filter((name) => key === 'auto' || key === name);
  const chosen = wanted.find((name) => !taken.includes(name));
  if (chosen === undefined) return { outcome: 'BothTaken', text: original };
  const list = PEERS.map((peer) => `  "${peer}",\n`).join('');
  return {
    outcome: `Merged ${chosen} ${PEERS.length}`,
    text: `# written by stellar-peers\n${chosen}=[\n${list}]\n${original.replace(/^\uFEFF/, '')}`,
    content: { ...toml(original), [chosen]: [...PEERS] },
  };
}
