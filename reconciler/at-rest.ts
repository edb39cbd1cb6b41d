/**
 * Validators whose pods all started with what is published, so that nobody looks at them again before something of
 * theirs changes. It is forgotten by anything that may matter: what is remembered here delays, and permits nothing.
 */
import type { Key, Validator } from '../peers/world.ts';

export class AtRest {
  readonly #keys = new Map<Key, Validator>();

  has(validator: Validator): boolean {
    return this.#keys.get(validator.key) === validator;
  }

  add(validator: Validator): void {
    this.#keys.set(validator.key, validator);
  }

  /** Something changed: of whom, so far as the key of what changed tells. */
  touch(kind: string, key: string): void {
    if (kind === 'Pod') this.#keys.delete(key.slice(0, key.lastIndexOf('-')));
    else if (kind === 'StellarNode' || kind === 'StatefulSet') this.#keys.delete(key);
    else if (kind === 'ConfigMap') this.#forgetIn(key);
    // Neither has a part in what a validator at rest lacks.
    else if (kind !== 'Service' && kind !== 'PodDisruptionBudget') this.#keys.clear();
  }

  #forgetIn(namespace: string): void {
    for (const [key, validator] of this.#keys) if (validator.namespace === namespace) this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
  }
}
