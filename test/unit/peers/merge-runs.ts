/**
 * Runs of the merge script as a container would have them: in folders like the kubelet's, one run after the other in
 * the same, or many in folders of their own.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { MERGE_SCRIPT } from '../../../peers/injection/merge-script.ts';
import { type Ended, inOneProcess, inShell, type Shell, type Surroundings } from './merge-shells.ts';

export const FILE = 'stellar-core.cfg';
export const PEERS = ['validator-2.stellar.svc:11625', '192.0.2.10:11725', 'core.example.org:1'] as const;
export const lines = (peers: readonly string[]): string => peers.map((peer) => `${peer}\n`).join('');

interface Run {
  readonly status: number | null;
  /** The termination message, or undefined where there is none. */
  readonly outcome: string | undefined;
  readonly said: string;
}
/** What the script is called with, where it is not the pod's own. */
interface Asked {
  readonly key?: string;
  readonly file?: string;
  readonly target?: string;
  readonly log?: string;
  readonly peers?: string;
  readonly share?: string;
}
type Files = Readonly<Record<string, string | Buffer>>;

/** The volumes of one pod: its configuration as the kubelet mounts a ConfigMap, our peers, an empty target. */
export class Volumes {
  readonly root = mkdtempSync(join(tmpdir(), 'merge-'));
  readonly original = join(this.root, 'original [x] *');
  readonly target = join(this.root, 'target $y');
  readonly peers = join(this.root, 'peers.toml');
  readonly log = join(this.root, 'termination-log');
  #version = 0;

  constructor(files: Files, peers: string | undefined = lines(PEERS)) {
    chmodSync(this.root, 0o777);
    mkdirSync(this.original);
    mkdirSync(this.target);
    this.publish(files);
    for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(this.original, name));
    if (peers !== undefined) writeFileSync(this.peers, peers);
  }

  /** New content of the ConfigMap, put in place as the kubelet does: all of it at once. */
  publish(files: Files): void {
    this.#version += 1;
    const version = `..2026_11_23_${this.#version}`;
    mkdirSync(join(this.original, version));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.original, version, name), text);
    }
    symlinkSync(version, join(this.original, '..data_tmp'));
    renameSync(join(this.original, '..data_tmp'), join(this.original, '..data'));
  }

  /** The links of an earlier run, which merged nothing. */
  linkAll(): void {
    for (const name of readdirSync(join(this.original, '..data'))) {
      symlinkSync(join(this.original, name), join(this.target, name));
    }
  }

  /** A run in a process of its own. */
  run(shell: Shell, asked: Asked & Surroundings = {}): Run {
    const { status, stdout } = inShell(shell, MERGE_SCRIPT, this.argumentsFor(asked), asked);
    return this.afterRun({ status, said: stdout });
  }

  /** The script's seven arguments. What an earlier run left as its last words is gone then. */
  argumentsFor(asked: Asked = {}): string[] {
    const { key = 'auto', file = FILE, share = 'all' } = asked;
    const { target = this.target, log = this.log, peers = this.peers } = asked;
    rmSync(this.log, { force: true });
    return [this.original, file, peers, target, key, log, share];
  }

  /** A run that has ended, with its last words. */
  afterRun<T extends Omit<Run, 'outcome'>>(ended: T): T & Run {
    const message = existsSync(this.log) ? readFileSync(this.log, 'utf8') : undefined;
    if (message !== undefined) assert.match(message, /^[ -~]{1,200}\n$/);
    return { ...ended, outcome: message?.trimEnd() };
  }

  /** What the main container reads. */
  read(file = FILE, target = this.target): Buffer {
    return readFileSync(join(target, file));
  }

  remove(): void {
    chmodSync(this.target, 0o777);
    rmSync(this.root, { recursive: true });
  }
}

/** `body` with volumes that are gone afterwards. */
export function withVolumes<T>(files: Files, body: (volumes: Volumes) => T, peers?: string): T {
  const volumes = new Volumes(files, peers);
  try {
    return body(volumes);
  } finally {
    volumes.remove();
  }
}

interface Case {
  readonly files: Files;
  /** Content of our list, where it is not the usual one. */
  readonly peers?: string;
  readonly asked?: Asked;
  /** Called once all have run. */
  readonly check: (volumes: Volumes, run: Run & Ended) => void;
}

/** Runs each of them in volumes of its own, all in one process of the shell, which spares most of the time. */
export function runEach(shell: Shell, cases: readonly Case[], prepare?: (volumes: Volumes) => void): void {
  const staged = cases.map((each) => ({ ...each, volumes: new Volumes(each.files, each.peers) }));
  try {
    for (const { volumes } of staged) prepare?.(volumes);
    const args = staged.flatMap(({ volumes, asked }) => volumes.argumentsFor(asked));
    const ended = inOneProcess(shell, MERGE_SCRIPT, args);
    for (const [index, { volumes, check }] of staged.entries()) {
      const run = ended[index];
      assert.ok(run);
      check(volumes, volumes.afterRun(run));
    }
  } finally {
    for (const { volumes } of staged) volumes.remove();
  }
}

interface TextCase extends Omit<Case, 'files' | 'check'> {
  readonly text: string | Buffer;
}
export type Merged = Run & Ended & { readonly file: Buffer };

/**
 * What becomes of each configuration. What the script does with folders is not the matter here, so each is as an earlier
 * run left it, with a hidden file: that spares the script a third of the processes that it starts.
 */
export function mergeEach(shell: Shell, cases: readonly TextCase[]): Merged[] {
  const merged: Merged[] = [];
  const all = cases.map(({ text, ...rest }) => ({
    ...rest,
    files: { [FILE]: text, '.hidden': '' },
    check: (volumes: Volumes, run: Run & Ended) => void merged.push({ ...run, file: volumes.read() }),
  }));
  runEach(shell, all, (volumes) => volumes.linkAll());
  return merged;
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
  // stellar-core drops known peers that it does not prefer.
  const isIgnored = chosen === 'KNOWN_PEERS' && toml(original).PREFERRED_PEERS_ONLY === true;
  return {
    outcome: `${isIgnored ? 'PeersIgnored' : 'Merged'} ${chosen} ${PEERS.length}`,
    text: `# written by stellar-peers\n${chosen}=[\n${list}]\n${original.replace(/^\uFEFF/, '')}`,
    content: { ...toml(original), [chosen]: [...PEERS] },
  };
}
