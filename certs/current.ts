/**
 * The bundle in use: follows a source and tells its listeners. Owns no certificate logic.
 */
import type { Bundle, CertSource, Observed } from './source.ts';

export class CurrentBundle implements Observed<Bundle> {
  #bundle: Bundle | undefined;
  readonly #listeners = new Set<() => void>();

  observe(): Bundle | undefined {
    return this.#bundle;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over each bundle of `source` as it comes; resolves when `signal` aborts. */
  async follow(source: CertSource, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#bundle = await source.next(this.#bundle, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      for (const listener of this.#listeners) listener();
    }
  }
}
