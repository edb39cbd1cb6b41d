/** The caches of all watched objects, as one World that watches keep current. */
import { greatestOf } from '../../peers/lists.ts';
import type { World } from '../../peers/world.ts';
import { Notifier, type Subscribe } from '../notifier.ts';
import { Reflector, type WatchEdges } from './reflector.ts';
import { MutatingWebhookConfigurations } from './resources.ts';
import { Room } from './room.ts';
import { createStores, namedSources, type Scope, validatorSources, worldOf } from './sources.ts';

/** Reported in place of a kind's name once every kind has been listed. */
export const SYNCED = 'Synced';

export class Caches {
  readonly #stores = createStores();
  readonly #reflectors: ReadonlyArray<Reflector<unknown>>;
  /** Notifies with the name of the kind, and the object's key in its map. */
  readonly #changes = new Notifier<[kind: string, key: string]>();
  readonly onChange = this.#changes.onChange;
  readonly world: World = worldOf(this.#stores);

  readonly room: Room;

  constructor({ scope, room = new Room(), ...edges }: WatchEdges & { scope: Scope; room?: Room }) {
    this.room = room;
    const sources = [...validatorSources(scope, this.#stores), ...namedSources(scope, this.#stores)];
    this.#reflectors = sources.flatMap(({ queries, ...source }) =>
      queries.map(
        (query) =>
          new Reflector({
            ...edges,
            ...source,
            ...{ query, room },
            onChange: (key) => this.#changes.notify(source.resource.kind, key),
            onSynced: () => this.synced() && this.#changes.notify(SYNCED, ''),
          }),
      ),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  synced(): boolean {
    return this.#reflectors.every((reflector) => reflector.synced);
  }

  /** Age of the cache that is furthest behind, in ms; 0 while every watch is up. */
  staleMs(): number {
    return greatestOf(
      this.#reflectors.map((reflector) => reflector.staleMs()),
      0,
    );
  }

  /**
   * Calls `listener` after each change of the webhook configuration, and once all kinds have been listed. The certificate
   * parts need no other changes. Otherwise they would read their Secret whenever a pod becomes Ready.
   */
  readonly onWebhookChange: Subscribe = (listener) =>
    this.onChange((kind) => {
      if (kind === MutatingWebhookConfigurations.kind || kind === SYNCED) listener();
    });
}
