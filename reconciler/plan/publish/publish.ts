/** Plans the writes that bring all ConfigMaps to the data that they should have. Pure. */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { nodeKeys } from '../../../peers/names.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { atOnce } from '../../../peers/steps.ts';
import { ViewBook } from '../../../peers/views/view-book.ts';
import type { Key, Validator, World } from '../../../peers/world.ts';
import {
  type ConfigMapWrite,
  type NamespacePlan,
  type PublishInput,
  planNamespace,
} from './namespace-content.ts';

export interface PublishPlan {
  readonly configMaps: readonly ConfigMapWrite[];
  /** Reasons why a list is not published, by StellarNode; for the overview, under the key of our own ConfigMap. */
  readonly reports: ReadonlyMap<Key, Reason>;
  /** How many peers the views of each namespace hold at most; 0 where no size fits. */
  readonly viewSizes: ReadonlyMap<string, number>;
}

/** One membership for all namespaces of a plan: a tenant may change it while the plan is made. */
type Membership = Pick<PublishInput, 'discovery' | 'views'>;

/** Plans one namespace in each step. The time goes on between two steps, so `now` is called in each. */
export function* publishSteps(
  membership: Membership,
  now: () => Omit<PublishInput, keyof Membership>,
): Generator<undefined, PublishPlan> {
  const reports = new Map<Key, Reason>();
  const configMaps: ConfigMapWrite[] = [];
  const viewSizes = new Map<string, number>();
  for (const namespace of namespacesOf({ ...now(), ...membership })) {
    const input = { ...now(), ...membership };
    if (input.world.namespaces.get(namespace)?.terminating) continue;
    if (input.discovery.activeIn.has(namespace)) {
      viewSizes.set(namespace, input.views.pageOf(namespace).size ?? 0);
    }
    const found = planAlone(namespace, input);
    if (found.write) configMaps.push(found.write);
    for (const [key, why] of found.reports) reports.set(key, why);
    yield;
  }
  return { configMaps, reports, viewSizes };
}

/** Plans one namespace. An error stops only this namespace, and its published data stays. */
function planAlone(namespace: string, input: PublishInput): NamespacePlan {
  const { world, discovery, views } = input;
  const validators = discovery.activeIn.get(namespace) ?? [];
  try {
    const { size, ...page } = views.pageOf(namespace);
    if (size === undefined) return nothingWritten(validators, reason('NamespaceTooLarge', namespace));
    return planNamespace(namespace, { ...page, current: world.configMaps.get(namespace) }, input);
  } catch (error) {
    return nothingWritten(validators, reason('ListNotWorkedOut', String(error)));
  }
}

const namespacesOf = ({ world, discovery, ownNamespace }: PublishInput): string[] =>
  [...new Set([ownNamespace, ...discovery.activeIn.keys(), ...world.configMaps.keys()])].sort();

function nothingWritten(validators: readonly Validator[], why: Reason): NamespacePlan {
  const reports = new Map(validators.map(({ key }) => [key, why]));
  return { write: undefined, reports };
}

/** A validator whose list in the ConfigMap of its namespace names no peer yet. */
export interface Newcomer {
  readonly key: Key;
  readonly namespace: string;
  /** How many peers its first list names. */
  readonly peers: number;
}

/** The validators whose first peers these writes publish. An empty first list is not news. */
export function newcomersOf(
  writes: readonly ConfigMapWrite[],
  { world, discovery }: Pick<PublishInput, 'world' | 'discovery'>,
): Newcomer[] {
  return writes.flatMap((write) => {
    const { namespace } = write;
    const before = world.configMaps.get(namespace)?.data ?? {};
    return (discovery.activeIn.get(namespace) ?? []).flatMap((validator) => {
      const { key, name } = validator;
      const { txt } = nodeKeys(name);
      const peers = (write.data[txt] ?? '').split('\n').length - 1;
      return (before[txt] ?? '') === '' && peers > 0 ? [{ key, namespace, peers }] : [];
    });
  });
}

export interface PublishSettings extends Pick<PublishInput, 'ownNamespace' | 'connections'> {
  readonly maxPeers: number;
}

/** Makes a whole plan at once. */
export function planPublish(
  world: World,
  discovery: Discovery,
  { maxPeers, ...rest }: PublishSettings,
  nowMs: number,
): PublishPlan {
  const views = new ViewBook(discovery, maxPeers);
  const steps = publishSteps({ discovery, views }, () => ({ world, nowMs, ...rest }));
  return atOnce(steps);
}
