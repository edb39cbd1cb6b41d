/**
 * A Secret mounted as the kubelet does it: each version in a folder of its own, one link `..data` that is swapped by
 * rename, and a link for each file through it.
 */
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class MountedSecret {
  readonly folder: string;
  #version = 0;

  /** The folder is empty before the first write. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** Replaces the files by these. The folder of the former version is deleted, as the kubelet does. */
  write(files: Readonly<Record<string, string>>): void {
    this.#version += 1;
    const name = `..2026_11_24_${this.#version}`;
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, file), text);
      this.#link(join('..data', file), file);
    }
    const former = this.#current();
    this.#link(name, '..data');
    if (former !== undefined) rmSync(join(this.folder, former), { recursive: true });
  }

  #current(): string | undefined {
    try {
      return readlinkSync(join(this.folder, '..data'));
    } catch {
      return undefined;
    }
  }

  #link(target: string, name: string): void {
    const temporary = join(this.folder, '..data_tmp');
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, join(this.folder, name));
  }
}
