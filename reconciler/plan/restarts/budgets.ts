/**
 * What PodDisruptionBudgets allow. Pure.
 */
import { podsOf } from '../../../peers/discovery/pods.ts';
import { matchesSelector } from '../../../peers/injection/selectors.ts';
import { type Reason, reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import {
  keyOf,
  namespaceOf,
  type PdbFacts,
  type PodFacts,
  type Validator,
  type World,
} from '../../../peers/world.ts';
import { everyEntry } from '../journal/group-journal.ts';
import { openEntries } from '../journal/journal.ts';
import { isUp } from './availability.ts';

/** The budgets of a namespace times its pods that are down: more would take the leader long in each plan. */
const PAIRS_MAX = 100_000;
const DOWN_MIN = 100;

/** The budgets of one plan. What each allows is worked out once: a tenant decides how many there are. */
class Budgets {
  readonly #byNamespace: ReadonlyMap<string, readonly PdbFacts[]>;
  readonly #downIn: ReadonlyMap<string, readonly PodFacts[]>;
  readonly #allowed = new Map<PdbFacts, number>();

  constructor(world: World) {
    this.#byNamespace = Map.groupBy(world.pdbs.values(), ({ namespace }) => namespace);
    const down = [...world.pods.values()].filter((pod) => !isUp(pod) && isWanted(pod, world));
    this.#downIn = Map.groupBy(down, ({ namespace }) => namespace);
  }

  in(namespace: string): readonly PdbFacts[] {
    return this.#byNamespace.get(namespace) ?? [];
  }

  areTooMany(namespace: string): boolean {
    const down = this.#downIn.get(namespace)?.length ?? 0;
    return this.in(namespace).length * Math.max(DOWN_MIN, down) > PAIRS_MAX;
  }

  /**
   * The disruptions that a budget allows, and no more than the pods that are down leave. Its status may not show them: a
   * change of a pod brings only one of the pod's budgets up to date. (kubernetes: pkg/controller/disruption, getPdbForPod)
   */
  allowedBy(pdb: PdbFacts): number {
    if (pdb.disruptionsAllowed < 1) return 0;
    const known = this.#allowed.get(pdb);
    if (known !== undefined) return known;
    const down = (this.#downIn.get(pdb.namespace) ?? []).filter((pod) => covers(pdb, [pod])).length;
    const allowed = Math.min(pdb.disruptionsAllowed, pdb.expectedPods - pdb.desiredHealthy - down);
    this.#allowed.set(pdb, allowed);
    return allowed;
  }
}

type Input = { readonly world: World };

/** Made once for all groups of a plan. */
const budgetsOf = new WeakMap<Input, Budgets>();

/**
 * The first budget of a namespace that forbids to disrupt these pods now. The StatefulSet controller does not check
 * budgets when it rolls pods, so we do. A budget that could never allow a disruption is ignored only if the validator's
 * own operator generated it (upstream sets minAvailable 1 for one pod); a person's budget counts as it is. Restarts of
 * ours, of any group, that have not replaced their pods yet count as disruptions: no status shows them so far.
 */
export function forbiddingBudget(
  validator: Validator,
  pods: readonly PodFacts[],
  input: Input,
): Reason | undefined {
  const { namespace } = validator;
  const budgets = budgetsOf.get(input) ?? new Budgets(input.world);
  budgetsOf.set(input, budgets);
  if (budgets.areTooMany(namespace))
    return reason('PdbForbids', `${namespace} has too many of them`, 'Remove those that are not needed.');
  const disrupted = disruptedBy(input.world, validator);
  for (const pdb of budgets.in(namespace)) {
    if (!covers(pdb, pods)) continue;
    const generated = pdb.ownerNodeUid === validator.uid;
    if (generated && pdb.desiredHealthy >= pdb.expectedPods) continue;
    const spent = disrupted.filter((each) => covers(pdb, each)).length;
    if (!pdb.current || budgets.allowedBy(pdb) - spent < 1) return forbiddenBy(pdb, spent);
  }
  return undefined;
}

/** False for a pod that is left of a StatefulSet that is gone, or was scaled down. */
function isWanted(pod: PodFacts, world: World): boolean {
  const statefulSet = world.statefulSets.get(keyOf(pod.namespace, pod.ownerName ?? ''));
  return statefulSet !== undefined && podsOf(world, statefulSet).includes(pod);
}

function forbiddenBy({ key, namespace, name }: PdbFacts, spent: number): Reason {
  const ours = spent === 1 ? '1 restart of ours' : `${spent} restarts of ours`;
  const detail = spent === 0 ? key : `${key}, less ${ours} under way`;
  return reasonWith('PdbForbids', detail, `kubectl -n ${namespace} describe pdb ${name}`);
}

/**
 * What restarts of ours disrupt of other validators of the namespace: for each restart, the pods that it is about to
 * replace; one that is down already counts as such. While the StatefulSet has no pod, its template counts: the status
 * of a budget leaves out a StatefulSet without pods, and so allows one disruption more.
 */
const disruptedBy = (world: World, { key, namespace }: Validator): Labelled[][] =>
  openEntries(everyEntry(world.journal))
    .filter((entry) => entry.kind === 'bump' && entry.statefulSet !== key)
    .filter((entry) => namespaceOf(entry.statefulSet) === namespace)
    .map(({ statefulSet, uids }) => {
      const found = world.statefulSets.get(statefulSet);
      const pods = found ? podsOf(world, found) : [];
      if (found && pods.length === 0) return [found.template];
      return pods.every(isUp) ? pods.filter(({ uid }) => uids.includes(uid)) : [];
    });

type Labelled = Pick<PodFacts, 'labels'>;

const covers = (pdb: PdbFacts, pods: readonly Labelled[]): boolean => {
  const { selector } = pdb;
  return selector !== undefined && pods.some((pod) => matchesSelector(selector, pod.labels));
};
