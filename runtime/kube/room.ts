/**
 * How much of one kind is kept for each namespace: what one tenant writes must not fill the memory of all.
 */
import { weightOf } from '../../peers/read/weight.ts';
import type { KubeObject } from './port.ts';
import type { WatchedKind } from './sources.ts';

/** A thousand validators with quorum sets of 10 KiB take less. */
export const NAMESPACE_BYTES_MAX = 16 * 1024 * 1024;

interface Taken {
  readonly namespace: string;
  readonly bytes: number;
}

export class Room {
  readonly #taken = new Map<string, Taken>();
  readonly #bytesIn = new Map<string, number>();

  /** Takes room for an object, in place of what it took before. False, and none is taken, where its namespace has no more. */
  take(key: string, namespace: string, facts: unknown): boolean {
    this.free(key);
    const bytes = weightOf(facts);
    const used = this.#bytesIn.get(namespace) ?? 0;
    if (used + bytes > NAMESPACE_BYTES_MAX) return false;
    this.#taken.set(key, { namespace, bytes });
    this.#bytesIn.set(namespace, used + bytes);
    return true;
  }

  /** What is kept of an object: all that is read of it, or little where its namespace has no more room. */
  keep<T>(
    { keyOf, project, light }: Pick<WatchedKind<T>, 'keyOf' | 'project' | 'light'>,
    object: KubeObject,
  ): T {
    const facts = project(object);
    if (!light || this.take(keyOf(object), object.metadata.namespace ?? '', facts)) return facts;
    return light(object, `more than ${NAMESPACE_BYTES_MAX / 1024 / 1024} MiB in its namespace`);
  }

  /** Gives back what an object took. */
  free(key: string): void {
    const taken = this.#taken.get(key);
    if (!taken) return;
    this.#taken.delete(key);
    const left = (this.#bytesIn.get(taken.namespace) ?? 0) - taken.bytes;
    if (left > 0) this.#bytesIn.set(taken.namespace, left);
    else this.#bytesIn.delete(taken.namespace);
  }
}
