/**
 * The bundle in use: follows a source and tells its listeners. Owns no certificate logic.
 */
import { Notifier } from '../runtime/notifier.ts';
import type { Bundle, CertSource, Observed } from './source.ts';

/** A value as it was last set. */
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

/** Takes over each bundle of `source` as it comes; resolves when `signal` aborts. */
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
