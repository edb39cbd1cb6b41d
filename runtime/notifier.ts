/** Notifies subscribers of changes. */

/** Subscribes `listener` to changes. The returned function ends the subscription. */
export type Subscribe<Args extends readonly unknown[] = []> = (
  listener: (...change: Args) => void,
) => () => void;

export class Notifier<Args extends readonly unknown[] = []> {
  readonly #listeners = new Set<(...change: Args) => void>();

  readonly onChange: Subscribe<Args> = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  notify(...change: Args): void {
    for (const listener of [...this.#listeners]) listener(...change);
  }
}
