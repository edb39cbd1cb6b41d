/**
 * The kubelet's part for mounted Secrets: each change of a Secret reaches the folder of every pod that mounts it, for some
 * pods late. The deletion of a Secret changes nothing, because the kubelet keeps the files.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { Secrets } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import { follow } from '../cluster/follow.ts';
import { until } from '../cluster/until.ts';
import { MountedSecret } from '../unit/stand-ins/mounted-secret.ts';

type Files = Readonly<Record<string, string>>;

export class Mount {
  readonly folder: string;
  readonly #secret: MountedSecret;
  #files: Files | undefined;
  #held = false;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.#secret = new MountedSecret(folder);
  }

  /** Call with the new content of the Secret. */
  update(files: Files): void {
    this.#files = files;
    if (!this.#held) this.#secret.write(files);
  }

  /** From now on, changes of the Secret do not reach the folder. A kubelet looks only about once a minute. */
  hold(): void {
    this.#held = true;
  }

  /** Writes the last content of the Secret into the folder, as after a look of the kubelet. */
  release(): void {
    this.#held = false;
    if (this.#files) this.#secret.write(this.#files);
  }

  /** Puts other files into the folder than the Secret has, until `release`. */
  spoil(change: (files: Files) => Files): void {
    this.hold();
    if (this.#files) this.#secret.write(change(this.#files));
  }
}

export class Mounts {
  readonly #folder: string;
  readonly #mounts: Mount[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #files: Files | undefined;

  /** Follows the Secret of that name in our namespace. */
  constructor(cluster: Cluster, secret: string) {
    this.#folder = join(cluster.dir, 'data/mounts');
    const query = { namespace: 'stellar-peers', fieldSelector: `metadata.name=${secret}` };
    this.#running = follow(
      { kube: cluster.admin, resource: Secrets, query },
      { put: (object) => this.#put(object), remove: () => undefined },
      this.#stopping.signal,
    );
  }

  /** Adds the mount of another pod. Resolves when its files are there. */
  async add(): Promise<Mount> {
    const files = await until('the Secret holds a certificate', () => this.#files);
    const mount = new Mount(join(this.#folder, String(this.#mounts.length)));
    mount.update(files);
    this.#mounts.push(mount);
    return mount;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  #put({ data }: KubeObject): void {
    const files = Object.entries((data ?? {}) as Files).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    this.#files = Object.fromEntries(files);
    for (const mount of this.#mounts) mount.update(this.#files ?? {});
  }
}
