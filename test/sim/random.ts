/**
 * The random numbers of a simulated history. One seed always gives the same history, and the draws of one part do not
 * affect those of another part.
 */

/** Spreads a seed's bits (the finisher of MurmurHash3), so that neighbouring seeds have nothing in common. */
function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

export class Random {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = mixed(seed);
    this.#state = this.#seed;
  }

  /** The next number: at least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return mixed(this.#state) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A random item of the list. Throws if the list is empty. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.int(0, list.length - 1)] as T;
  }

  /** A separate source for this label. It does not depend on the draws so far. */
  fork(label: string): Random {
    let hash = this.#seed;
    for (let index = 0; index < label.length; index += 1) {
      hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193);
    }
    return new Random(hash);
  }
}
