/**
 * The sidecar's script as its container runs it, beside a stand-in for stellar-core. Time passes look by look: the
 * stand-in for `sleep` says that it is called, and ends when the test lets it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { RELOAD_SCRIPT } from '../../../peers/injection/reload-script.ts';
import { connectText, infoText, peersText } from '../../cluster/core-texts.ts';
import type { Shell } from './merge-shells.ts';

/** Says on pipe 4 that it waits, and waits for a line on pipe 3. */
const waits = (what: string) => `printf '%s\\n' ${what} >&4; read -r line <&3 || :`;
/** Resolves names by a file with lines of getent's. */
const getentIn = (folder: string) =>
  `while read -r ip kind name; do [ "$name" != "$2" ] || printf '%s\\n' "$ip $kind $name"; done < ${folder}/hosts`;

const coreIn = (folder: string) => `printf '%s\\n' "$4" >> ${folder}/asked
if [ -e ${folder}/silent ]; then ${waits('silent')}; fi
while read -r url file; do
  case $4 in "$url"*) exec /bin/cat ${folder}/"$file" ;; esac
done < ${folder}/answers`;

const address = (peer: string): [string, string] => peer.split(':') as [string, string];

export class Sidecar {
  readonly #folder = mkdtempSync(join(tmpdir(), 'reload-'));
  readonly #process: ChildProcess;
  readonly #said: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #answers = new Map<string, string>();
  readonly #ended: Promise<unknown[]>;
  #sleeps = false;
  #read = 0;
  #count = 0;

  constructor(shell: Shell, { config = '', peers = [] as readonly string[], getent = false } = {}) {
    this.#tool('sleep', waits('look'));
    this.#tool('stellar-core', coreIn(this.#folder));
    if (getent) this.#tool('getent', getentIn(this.#folder));
    this.hosts({});
    writeFileSync(this.#path('core.cfg'), config);
    this.publish(peers);
    this.info('2026-11-30T00:00:00Z');
    this.connected([]);
    assert.ok(shell.program);
    // Busybox has a sleep of its own, which comes before those in the PATH.
    const script = `sleep() { ${this.#path('sleep')}; }\n${RELOAD_SCRIPT}`;
    const args = [script, 'stellar-peers-reload', this.#path('core.cfg'), this.#path('peers.txt'), '5'];
    this.#process = spawn(shell.program, [...shell.options, '-c', ...args], {
      env: { PATH: this.#folder, IFS: 'EN_-.' },
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#process, 'exit');
    this.#said = createInterface({ input: this.#process.stdio[4] as Readable });
    this.#lines = this.#said[Symbol.asyncIterator]();
  }

  /** The list, as the kubelet shows it from now on. */
  publish(peers: readonly string[]): void {
    writeFileSync(this.#path('peers.txt'), peers.map((peer) => `${peer}\n`).join(''));
  }

  /** What stellar-core answers to commands that begin so. */
  answer(command: string, text: string | Buffer): void {
    this.#count += 1;
    const file = `answer-${this.#count}`;
    writeFileSync(this.#path(file), text);
    this.#answers.delete(command);
    this.#answers.set(command, file);
    // The newest first, since it may be more specific.
    const lines = [...this.#answers].toReversed().map(([url, name]) => `${url} ${name}\n`);
    writeFileSync(this.#path('answers'), lines.join(''));
  }

  /** `versions` is what the inbound ones say of themselves, in turns. */
  connected(
    outbound: readonly string[],
    inbound: readonly string[] = [],
    versions: readonly string[] = ['v27'],
  ): void {
    const peers = JSON.parse(peersText({ inbound, outbound }));
    for (const [index, peer] of (peers.authenticated_peers.inbound ?? []).entries())
      peer.ver = versions[index % versions.length];
    this.answer('peers', JSON.stringify(peers, undefined, 3).replaceAll('":', '" :'));
  }

  info(startedOn: string): void {
    this.answer('info', infoText({ state: 'Synced!', age: 1, links: 1, startedOn }));
  }

  /** Takes what is told of that peer, by that address. */
  takes(peer: string): void {
    const [host, port] = address(peer);
    const query = new URLSearchParams({ peer: host, port });
    this.answer(`connect?peer=${host}&port=${port}`, `INFO a line of its log\n${connectText(query).text}\n`);
  }

  hosts(addresses: Readonly<Record<string, string>>): void {
    const lines = Object.entries(addresses).map(([name, ip]) => `${ip} STREAM ${name}\n${ip} DGRAM\n`);
    writeFileSync(this.#path('hosts'), lines.join(''));
  }

  silent(): void {
    writeFileSync(this.#path('silent'), '');
  }

  /** Lets it look that many times; it has done so when this resolves. */
  async look(times = 1): Promise<void> {
    for (let left = times; left > 0; left -= 1) {
      await this.step();
      await this.until('look');
      this.#sleeps = true;
    }
  }

  /** Lets the time pass until it looks once more. */
  async step(): Promise<void> {
    if (!this.#sleeps) await this.until('look');
    this.#sleeps = false;
    (this.#process.stdio[3] as Writable).write('\n');
  }

  /** Waits until it begins to sleep (`look`), or asks a stellar-core that is silent. */
  async until(what: 'look' | 'silent'): Promise<void> {
    const { value } = await this.#lines.next();
    assert.equal(value, what);
  }

  /** The peers that stellar-core was told of since the last call. */
  get told(): string[] {
    return this.#asked()
      .filter((command) => command.startsWith('connect'))
      .map((command) => {
        const query = new URLSearchParams(command.slice('connect?'.length));
        return `${query.get('peer')}:${query.get('port')}`;
      });
  }

  #asked(): string[] {
    const path = this.#path('asked');
    const all = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    const fresh = all.slice(this.#read);
    this.#read = all.length;
    return fresh;
  }
  /** The commands since the last call. */
  get asked(): string[] {
    return this.#asked();
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Its exit code after the signal. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<unknown> {
    this.#process.kill(signal);
    const [code] = await this.#ended;
    this.#said.close();
    for (const pipe of this.#process.stdio.slice(3)) pipe?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
    return code;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
  #tool(name: string, text: string): void {
    writeFileSync(this.#path(name), `#!/bin/sh\nunset IFS\n${text}\n`);
    chmodSync(this.#path(name), 0o755);
  }
}
