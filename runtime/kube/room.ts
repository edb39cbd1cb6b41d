/**
 * Limits the memory for the objects of one kind in each namespace, so that one tenant cannot fill the memory.
 */
import { weightOf } from '../../peers/read/weight.ts';
import type { KubeObject } from './port.ts';
import type { WatchedKind } from './sources.ts';

/** More than a thousand validators with quorum sets of 10 KiB need. */
export const NAMESPACE_BYTES_MAX = 16 * 1024 * 1024;

interface Taken {
  readonly namespace: string;
  readonly bytes: number;
}

export class Room {
  readonly #taken = new Map<string, Taken>();
  readonly #bytesIn = new Map<string, number>();

  /** Reserves room for an object, in place of its former room. False, without a reservation, if the namespace is full. */
  take(key: string, namespace: string, facts: unknown): boolean {
    this.free(key);
    const bytes = weightOf(facts);
    const used = this.#bytesIn.get(namespace) ?? 0;
    if (used + bytes > NAMESPACE_BYTES_MAX) return false;
    this.#taken.set(key, { namespace, bytes });
    this.#bytesIn.set(namespace, used + bytes);
    return true;
  }

  /** The facts to keep of an object: all that we read, or a short form if its namespace is full. */
  keep<T>(
    { keyOf, project, light }: Pick<WatchedKind<T>, 'keyOf' | 'project' | 'light'>,
    object: KubeObject,
  ): T {
    const facts = project(object);
    if (!light || this.take(keyOf(object), object.metadata.namespace ?? '', facts)) return facts;
    return light(object, `more than ${NAMESPACE_BYTES_MAX / 1024 / 1024} MiB in its namespace`);
  }

  /** Frees the room of an object. */
  free(key: string): void {
    const taken = this.#taken.get(key);
    if (!taken) return;
    this.#taken.delete(key);
    const left = (this.#bytesIn.get(taken.namespace) ?? 0) - taken.bytes;
    if (left > 0) this.#bytesIn.set(taken.namespace, left);
    else this.#bytesIn.delete(taken.namespace);
  }
}
