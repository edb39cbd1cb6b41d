/**
 * Which writes bring all ConfigMaps to what they should be. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { isSameList } from '../peers/field.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { allSteps } from '../peers/steps.ts';
import { ViewBook } from '../peers/view-book.ts';
import type { Key, Validator, World } from '../peers/world.ts';
import {
  type ConfigMapWrite,
  type Content,
  type Found,
  type PublishInput,
  planNamespace,
  viewKeysOf,
} from './namespace-content.ts';

export interface PublishPlan {
  readonly configMaps: readonly ConfigMapWrite[];
  /** What could not be published, by StellarNode; the overview's under the key of our own ConfigMap. */
  readonly reports: ReadonlyMap<Key, Reason>;
  /** How many peers the views of each namespace hold at most; 0 where no size fits. */
  readonly viewSizes: ReadonlyMap<string, number>;
}

/** What was found of one namespace, and of what. */
interface Finding extends Found {
  readonly content: Content;
}

/**
 * Plans what should stand in ConfigMaps. It remembers of which namespaces it found that nothing is to be done, and
 * looks at one again once its ConfigMap or anything that belongs in there is another object.
 */
export class PublishPlanner {
  readonly #atRest = new Map<string, Finding>();

  /** Plans one namespace a step. Between two of them the world may go on: `now` is asked for each. */
  *steps(now: () => PublishInput): Generator<undefined, PublishPlan> {
    const reports = new Map<Key, Reason>();
    const configMaps: ConfigMapWrite[] = [];
    const viewSizes = new Map<string, number>();
    const namespaces = namespacesOf(now());
    for (const namespace of this.#atRest.keys()) {
      if (!namespaces.includes(namespace)) this.#atRest.delete(namespace);
    }
    for (const namespace of namespaces) {
      const input = now();
      if (input.world.namespaces.get(namespace)?.terminating) continue;
      if (input.discovery.activeIn.has(namespace)) {
        viewSizes.set(namespace, input.views.pageOf(namespace).size ?? 0);
      }
      const found = this.#planOne(namespace, input);
      if (found.write) configMaps.push(found.write);
      for (const [key, why] of found.reports) reports.set(key, why);
      yield;
    }
    return { configMaps, reports, viewSizes };
  }

  #planOne(namespace: string, input: PublishInput): Found {
    const { world, discovery, views, ownNamespace } = input;
    const { size, entries } = views.pageOf(namespace);
    if (size === undefined) return tooLarge(namespace, discovery.activeIn.get(namespace) ?? []);
    const content = { entries, current: world.configMaps.get(namespace) };
    // The overview names addresses of pods, of which nothing here is told.
    const known = namespace === ownNamespace ? undefined : this.#atRest.get(namespace);
    if (known && isSame(known.content, content)) return known;
    const found = planNamespace(namespace, content, { ...input, before: known });
    // A write that is not made yet is planned anew: its time of publication is that of the write.
    if (found.write) this.#atRest.delete(namespace);
    else this.#atRest.set(namespace, { ...found, content });
    return found;
  }
}

const isSame = (a: Content, b: Content): boolean =>
  a.current === b.current && isSameList(a.entries, b.entries);

const namespacesOf = ({ world, discovery, ownNamespace }: PublishInput): string[] =>
  [...new Set([ownNamespace, ...discovery.activeIn.keys(), ...world.configMaps.keys()])].sort();

/** What is published stays as it is, and whoever does not fit into it is told. */
function tooLarge(namespace: string, validators: readonly Validator[]): Found {
  const reports = validators.map(({ key }) => [key, reason('NamespaceTooLarge', namespace)] as const);
  return { texts: [], write: undefined, reports: new Map(reports) };
}

/** Plans by these steps, then puts the data of each write together: whoever sends them would do many in one turn. */
export function* withData(steps: Iterable<undefined, PublishPlan>): Generator<undefined, PublishPlan> {
  const plan = yield* steps;
  for (const write of plan.configMaps) {
    void write.data;
    yield;
  }
  return plan;
}

/** A validator whose list of peers is not in the ConfigMap of its namespace yet. */
export interface Newcomer {
  readonly key: Key;
  readonly namespace: string;
  /** How many peers its first list names. */
  readonly peers: number;
}

/** Whose first list these writes publish. */
export function newcomersOf(
  writes: readonly ConfigMapWrite[],
  { world, discovery }: Pick<PublishInput, 'world' | 'discovery'>,
): Newcomer[] {
  return writes.flatMap((write) => {
    const { namespace } = write;
    const before = world.configMaps.get(namespace)?.data ?? {};
    return (discovery.activeIn.get(namespace) ?? []).flatMap((validator) => {
      const { key } = validator;
      const { view, txt } = viewKeysOf(validator);
      if (before[view] !== undefined || write.data[view] === undefined) return [];
      return [{ key, namespace, peers: (write.data[txt] ?? '').split('\n').length - 1 }];
    });
  });
}

export interface PublishSettings extends Pick<PublishInput, 'ownNamespace' | 'connections'> {
  readonly maxPeers: number;
}

/** The plan of whoever plans once. */
export function planPublish(
  world: World,
  discovery: Discovery,
  { maxPeers, ...rest }: PublishSettings,
  nowMs: number,
): PublishPlan {
  const views = new ViewBook(maxPeers);
  views.follow(discovery);
  return allSteps(new PublishPlanner().steps(() => ({ world, discovery, views, nowMs, ...rest })));
}
