/**
 * The bundle in use: follows a source and tells listeners of each change. Owns no certificate logic.
 */
import { Notifier } from '../runtime/notifier.ts';
import type { Bundle, CertSource, Observed } from './source.ts';

/** The value that was set last; listeners are told of each change. */
export class Latest<T> extends Notifier implements Observed<T> {
  #value: T | undefined;

  observe(): T | undefined {
    return this.#value;
  }

  set(value: T | undefined): void {
    this.#value = value;
    this.notify();
  }
}

/** Sets each bundle that `source` offers. Resolves when `signal` aborts. */
export async function followSource(
  source: CertSource,
  bundle: Latest<Bundle>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      bundle.set(await source.next(bundle.observe(), signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
