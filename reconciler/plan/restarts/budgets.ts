/** What PodDisruptionBudgets allow. Pure. */
import { podsOf } from '../../../peers/discovery/pods.ts';
import { matchesSelector, requirementsOf } from '../../../peers/injection/selectors.ts';
import { LABEL_NODE_TYPE, NODE_TYPE_VALIDATOR } from '../../../peers/names.ts';
import { type Reason, reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import {
  namespaceOf,
  type PdbFacts,
  type PodFacts,
  type Validator,
  type World,
} from '../../../peers/world.ts';
import { everyOpen } from '../journal/group-journal.ts';
import { isUp } from './availability.ts';

/** Conditions of all budgets of a namespace times its pods. More would take the leader long, so all of them forbid. */
const LOOKS_MAX = 3_000_000;

/** A StatefulSet's template and its pods, and how many pods it lacks. Pods without our label are in no cache. */
interface Owned {
  readonly template: Labelled;
  readonly pods: readonly PodFacts[];
  readonly missing: number;
}

/** The budgets of one plan. What each allows is worked out once: a tenant decides how many there are. */
class Budgets {
  readonly #world: World;
  readonly #byNamespace: ReadonlyMap<string, readonly PdbFacts[]>;
  readonly #owned = new Map<string, readonly Owned[]>();
  readonly #allowed = new Map<PdbFacts, number>();
  /** By namespace, how often a condition was or would be looked at for a pod. */
  readonly #looks = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#byNamespace = Map.groupBy(world.pdbs.values(), ({ namespace }) => namespace);
  }

  in(namespace: string): readonly PdbFacts[] {
    return this.#byNamespace.get(namespace) ?? [];
  }

  /** The disruptions that a budget allows now; undefined where the budgets of its namespace are too many to work out. */
  allowedBy(pdb: PdbFacts): number | undefined {
    const known = this.#allowed.get(pdb);
    if (known !== undefined) return known;
    const owned = this.#ownedIn(pdb.namespace);
    const looked = this.#looks.get(pdb.namespace) ?? 0;
    const subjects = owned.reduce((sum, { pods, missing }) => sum + pods.length + Number(missing > 0), 0);
    const looks = looked + subjects * (1 + (pdb.selector ? requirementsOf(pdb.selector) : 0));
    this.#looks.set(pdb.namespace, looks);
    if (looks > LOOKS_MAX) return undefined;
    const allowed = pdb.disruptionsAllowed < 1 ? 0 : allowedOver(pdb, owned);
    this.#allowed.set(pdb, allowed);
    return allowed;
  }

  #ownedIn(namespace: string): readonly Owned[] {
    const known = this.#owned.get(namespace);
    if (known) return known;
    const owned = [...this.#world.statefulSets.values()]
      .filter((statefulSet) => statefulSet.namespace === namespace)
      .map((statefulSet) => {
        const pods = podsOf(this.#world, statefulSet);
        const isWatched = statefulSet.template.labels[LABEL_NODE_TYPE] === NODE_TYPE_VALIDATOR;
        const missing = isWatched ? statefulSet.replicas - pods.length : 0;
        return { template: statefulSet.template, pods, missing };
      });
    this.#owned.set(namespace, owned);
    return owned;
  }
}

/**
 * What a budget allows, and no more than the pods that are down or missing leave. Its status may not show them: a change
 * of a pod brings only one of the pod's budgets up to date. (kubernetes: pkg/controller/disruption, getPdbForPod)
 */
function allowedOver(pdb: PdbFacts, owned: readonly Owned[]): number {
  let [up, wanted] = [0, 0];
  for (const { template, pods, missing } of owned) {
    const covered = pods.filter((pod) => covers(pdb, [pod]));
    wanted += covered.length + (missing > 0 && covers(pdb, [template]) ? missing : 0);
    up += covered.filter(isUp).length;
  }
  // A status that is current leaves out a StatefulSet without pods. Pods that we do not see count as up.
  const unseen = Math.max(0, pdb.expectedPods - wanted);
  return Math.min(pdb.disruptionsAllowed, unseen + up - pdb.desiredHealthy);
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
  const disrupted = disruptedBy(input.world, validator);
  for (const pdb of budgets.in(namespace)) {
    const allowed = budgets.allowedBy(pdb);
    if (allowed === undefined) return tooMany(namespace);
    if (!covers(pdb, pods)) continue;
    const generated = pdb.ownerNodeUid === validator.uid;
    if (generated && pdb.desiredHealthy >= pdb.expectedPods) continue;
    const spent = disrupted.filter((each) => covers(pdb, each)).length;
    if (!pdb.current || allowed - spent < 1) return forbiddenBy(pdb, spent);
  }
  return undefined;
}

const tooMany = (namespace: string): Reason =>
  reason('PdbForbids', `those of ${namespace} are too many or too long`, 'Remove what is not needed.');

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
  everyOpen(world.journal)
    .filter((entry) => entry.kind === 'bump' && entry.statefulSet !== key)
    .filter((entry) => namespaceOf(entry.statefulSet) === namespace)
    .map(({ statefulSet, uids }) => {
      const found = world.statefulSets.get(statefulSet);
      const pods = podsOf(world, found);
      if (found && pods.length === 0) return [found.template];
      return pods.every(isUp) ? pods.filter(({ uid }) => uids.includes(uid)) : [];
    });

type Labelled = Pick<PodFacts, 'labels'>;

const covers = (pdb: PdbFacts, pods: readonly Labelled[]): boolean => {
  const { selector } = pdb;
  return selector !== undefined && pods.some((pod) => matchesSelector(selector, pod.labels));
};
