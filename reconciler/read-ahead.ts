/**
 * Reads, in steps, what deciding reads of texts: a decision is one piece of work, on the world at one time, and must not
 * have to read thousands of texts first. What is read is kept with the object that it was read of. Pure.
 */
import type { Discovery, Group } from '../peers/discover.ts';
import { publishedView } from '../peers/views.ts';
import type { ConfigMapFacts, World } from '../peers/world.ts';
import { toleranceOfValidator } from './margin.ts';

export class ReadAhead {
  readonly #configMaps = new WeakSet<ConfigMapFacts>();
  readonly #groups = new WeakSet<Group>();

  /** Published views of ConfigMaps that are others than before, and quorum sets of groups that are; one text a step. */
  *steps(world: World, { groups, activeIn }: Discovery): Generator<undefined, void> {
    for (const [namespace, validators] of activeIn) {
      const configMap = world.configMaps.get(namespace);
      if (!configMap || this.#configMaps.has(configMap)) continue;
      for (const { name } of validators) {
        publishedView(configMap, name);
        yield;
      }
      this.#configMaps.add(configMap);
    }
    for (const group of groups.values()) {
      if (this.#groups.has(group)) continue;
      for (const validator of group.validators) {
        toleranceOfValidator(validator);
        yield;
      }
      this.#groups.add(group);
    }
  }
}
