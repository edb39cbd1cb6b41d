/**
 * Decides whether a pod gets the sidecar that tells a running stellar-core of new peers, and what the sidecar asks for.
 *
 *   setting or annotation off                                      → none
 *   nothing is merged, and the annotation does not say on          → none
 *   the sidecar is there already                                   → present
 *   another container has its name                                 → left out
 *   the image says in its name that it has no shell                → left out
 *   the pod uses the network of its machine (hostNetwork)          → left out
 *   nothing is merged, and no configuration file is known          → left out
 *   all containers of the pod name the same resource: a quota or LimitRange may demand it of every container, and
 *     the pod was refused with the sidecar                         → left out
 *     the annotation does not say on, and the review is a dry run, or the pod is Guaranteed,
 *     or a LimitRange set its resources                            → left out
 *   anything else                                                  → add
 */
import { posix } from 'node:path';
import { CONFIG_FILE, CONFIG_FOLDER, CONFIG_INIT_CONTAINER, RELOAD_CONTAINER } from '../names.ts';
import type { ContainerShape, PodShape } from '../read/pod-shape.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import { lacksShell, type MergeDecision } from './merge.ts';
import { isBelow } from './paths.ts';
import { namedConfiguration } from './started-with.ts';

/** Values of `stellar.org/peer-reload`. */
export type PeerReload = 'on' | 'off';

/** `auto`: with a merged configuration, or where the annotation says so. */
export type ReloadMode = 'auto' | 'off';

/** Add the sidecar. It finds stellar-core's HTTP port in the configuration file at the path `file`. */
export interface Reload {
  readonly kind: 'add';
  readonly file: string;
  /** Index of the main container's mount that holds the file; undefined if it is merged, or part of the image. */
  readonly mount: number | undefined;
  readonly resources: ReloadResources;
  /** True if a policy that admission does not see may refuse the pod with the sidecar. */
  readonly isTried: boolean;
}

export type ReloadDecision =
  | Reload
  | { readonly kind: 'none' }
  | { readonly kind: 'present'; readonly resources: ReloadResources }
  | { readonly kind: 'left'; readonly reason: Reason };

export interface ReloadResources {
  readonly limits?: Readonly<Record<string, string>>;
  readonly requests?: Readonly<Record<string, string>>;
}

/** The value of `stellar.org/peer-reload`. An unknown one adds nothing: a person who wrote `false` meant something. */
export const peerReloadOf = (value: string | undefined): PeerReload | undefined =>
  value === undefined || value === 'on' ? value : 'off';

const NONE: ReloadDecision = { kind: 'none' };
const left = (what: string): ReloadDecision => ({ kind: 'left', reason: reason('ReloadLeftOut', what) });

interface Asked {
  /** The annotation of the StellarNode, or of its Namespace. */
  readonly annotation: PeerReload | undefined;
  readonly mode: ReloadMode;
  readonly merge: MergeDecision;
  /** Whether to add the sidecar although a policy may refuse the pod because of it. */
  readonly risk: Risk;
}

/**
 * `once`: yes, because a StatefulSet creates a refused pod again, then without the sidecar. `asked`: only if the annotation
 * says `on`. `never`: no, for example because the pod was refused.
 */
export type Risk = 'once' | 'asked' | 'never';

/** Decides for a pod with the main container `main`. */
export function decideReload(
  pod: PodShape,
  main: ContainerShape,
  { annotation, mode, merge, risk }: Asked,
): ReloadDecision {
  if (mode === 'off' || annotation === 'off') return NONE;
  const isMerged = merge.kind === 'merge' || merge.kind === 'merged';
  if (!isMerged && annotation !== 'on') return NONE;
  if (pod.initContainers.some(isOurs)) return { kind: 'present', resources: resourcesFor(pod) };
  if (pod.containers.some(isOurs)) return left(`the name ${RELOAD_CONTAINER} is taken`);
  // The first review of this pod merged the configuration and decided against the sidecar.
  if (merge.kind === 'merged') return NONE;
  if (lacksShell(main)) return left(`the image ${main.image} has no shell`);
  if (pod.hasHostNetwork)
    return left("the pod is on its machine's network, where localhost may be another validator's");
  const shared = sharedAsks(pod);
  const isTried = shared.length > 0;
  if (isTried && !mayTry(pod, { annotation, risk })) return left(`each container has ${shared.join(', ')}`);
  const place = merge.kind === 'merge' ? { file: posix.join(merge.path, merge.file) } : ownPlaceOf(main);
  if (!place) return left('it is not known which configuration stellar-core reads');
  return { kind: 'add', mount: undefined, ...place, resources: resourcesFor(pod), isTried };
}

/** The API server adds this annotation, before admission webhooks run, if a LimitRange has set resources of the pod. */
const ANNOTATION_LIMITED = 'kubernetes.io/limit-ranger';

function mayTry(pod: PodShape, { annotation, risk }: Pick<Asked, 'annotation' | 'risk'>): boolean {
  if (annotation === 'on') return risk !== 'never';
  return risk === 'once' && !isGuaranteed(pod) && pod.annotations[ANNOTATION_LIMITED] === undefined;
}

const isOurs = ({ name }: ContainerShape): boolean => name === RELOAD_CONTAINER;

function ownPlaceOf(main: ContainerShape): Pick<Reload, 'file' | 'mount'> | undefined {
  const isMounted = main.mounts.some(({ folder }) => folder === CONFIG_FOLDER);
  const file = namedConfiguration(main) ?? (isMounted ? posix.join(CONFIG_FOLDER, CONFIG_FILE) : undefined);
  if (file === undefined) return undefined;
  const holding = main.mounts.filter(({ folder }) => folder === file || isBelow(file, folder));
  const [nearest] = holding.sort((a, b) => b.folder.length - a.folder.length);
  return { file, mount: nearest && main.mounts.indexOf(nearest) };
}

/** All containers except ours. Our init container would change nothing: it has the resources of the main container. */
const othersOf = ({ containers, initContainers }: PodShape): ContainerShape[] =>
  [...containers, ...initContainers].filter((each) => !isOurs(each) && each.name !== CONFIG_INIT_CONTAINER);

/** The resources that all containers of the pod name. A quota or a LimitRange can demand only these of every container. */
function sharedAsks(pod: PodShape): string[] {
  const [first, ...others] = othersOf(pod);
  // Sets are fast enough for a hostile pod that names 100,000 resources.
  const named = others.map(({ asks }) => new Set(asks));
  return first?.asks.filter((name) => named.every((asks) => asks.has(name))) ?? [];
}

const isGuaranteed = (pod: PodShape): boolean =>
  !pod.hasOwnResources && othersOf(pod).every((each) => each.isGuaranteed);

/** Room for a second stellar-core, which sends one command and ends. */
const SIZES = { cpu: '100m', memory: '256Mi' };
const NO_AMOUNTS = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * The amount 0 for each resource that all containers name; nothing if there is none. For Kubernetes, 0 is no request and
 * no limit, but for a quota it is a value. In a pod of class Guaranteed, 0 would change the class, so fixed sizes are used.
 */
function resourcesFor(pod: PodShape): ReloadResources {
  const shared = sharedAsks(pod);
  const sizes = isGuaranteed(pod) ? SIZES : {};
  const amounts = (kind: 'limits' | 'requests') => {
    const named = NO_AMOUNTS.filter((name) => shared.includes(`${kind}.${name}`));
    const zeros = Object.fromEntries(named.map((name) => [name, '0']));
    const all = { ...zeros, ...sizes };
    return Object.keys(all).length === 0 ? {} : { [kind]: all };
  };
  return { ...amounts('limits'), ...amounts('requests') };
}
