/**
 * Steps that put a merged configuration in the place of the pod's own: a volume in memory, an init container that
 * fills it, and the main container's configuration folder moved aside.
 */
import { type Fields, fieldsOf, isSameJson } from '../peers/field.ts';
import type { Merge, PeerListKey } from '../peers/merge.ts';
import { MERGE_SCRIPT } from '../peers/merge-script.ts';
import {
  CONFIG_INIT_CONTAINER,
  CONFIG_ORIGINAL_PATH,
  CONFIG_TARGET_PATH,
  CONFIG_VOLUME,
  MOUNT_PATH,
  PEERS_FILE_PATH,
  TERMINATION_LOG,
  VOLUME_NAME,
} from '../peers/names.ts';
import { Part } from './encode.ts';
import { type ContainerPaths, INIT_CONTAINERS, VOLUMES } from './places.ts';
import { addToList, replace, type Step } from './steps.ts';

export interface MergePart {
  readonly place: Merge;
  readonly listKey: PeerListKey;
}

/** Room for the largest ConfigMap (1 MiB) merged, its temporary copy, and what else is in the folder. */
const VOLUME = new Part({ name: CONFIG_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } });

/** The raw pod's spec, and its main container as it stands there. */
interface Target {
  readonly spec: Fields;
  readonly container: unknown;
}

/** Steps for the main container; its mount list is known to hold the one that `place` names. */
export function mergeSteps(
  { spec, container, paths }: Target & { readonly paths: ContainerPaths },
  { place, listKey }: MergePart,
): Step[] {
  const fields = fieldsOf(container);
  const own = mountOf(fields, place);
  const parts = partsFor(sourceOf(spec, fields, own), { file: place.file, listKey });
  return [
    addToList(VOLUME, { paths: VOLUMES, holder: spec, list: spec.volumes }),
    replace(parts.replaced, paths.mount(place.mount), own),
    addToList(parts.moved, { paths: paths.mounts, holder: container, list: fields.volumeMounts }),
    addToList(parts.initContainer, { paths: INIT_CONTAINERS, holder: spec, list: spec.initContainers }),
  ];
}

function mountOf({ volumeMounts }: Fields, { mount }: Merge): unknown {
  return Array.isArray(volumeMounts) ? volumeMounts[mount] : undefined;
}

/** What of a pod goes into the steps, as it stands there. */
interface Source {
  /** The mount whose place is taken. */
  readonly own: Fields;
  readonly image: unknown;
  readonly imagePullPolicy: unknown;
  readonly resources: unknown;
  readonly securityContext: unknown;
  readonly podSeccompProfile: unknown;
}

function sourceOf(spec: Fields, container: Fields, own: unknown): Source {
  const { image, imagePullPolicy, resources, securityContext } = container;
  const podSeccompProfile = fieldsOf(spec.securityContext).seccompProfile;
  return { own: fieldsOf(own), image, imagePullPolicy, resources, securityContext, podSeccompProfile };
}

interface Parts {
  readonly replaced: Part;
  readonly moved: Part;
  readonly initContainer: Part;
}

interface How {
  readonly file: string;
  readonly listKey: PeerListKey;
}

/** Pods that differ in nothing that goes in get the same parts: there are as many as kinds of validators. */
const known: Array<{ readonly values: readonly unknown[]; readonly parts: Parts }> = [];
/** Each is looked at until one is the same, so the last that was asked for stands first. */
const KNOWN_MAX = 16;
/** A pod may carry megabytes where an ordinary one says a few hundred letters: such parts are made anew each time. */
const KNOWN_LENGTH_MAX = 4_096;

function partsFor(source: Source, how: How): Parts {
  const values = valuesOf(source, how);
  const index = known.findIndex((each) => haveSameValues(each.values, values));
  const found = known[index];
  if (!found) return makeParts(source, how, values);
  if (index > 0) known.unshift(...known.splice(index, 1));
  return found.parts;
}

/** All that the parts are made of, one after the other: quicker to compare than what it stands in. */
function valuesOf(source: Source, { file, listKey }: How): unknown[] {
  const { own, image, imagePullPolicy, resources, securityContext, podSeccompProfile } = source;
  const { limits, requests } = fieldsOf(resources);
  const [most, least] = [fieldsOf(limits), fieldsOf(requests)];
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } =
    fieldsOf(securityContext);
  const disk = 'ephemeral-storage';
  return [
    file,
    listKey,
    image,
    imagePullPolicy,
    own,
    limits === undefined,
    most.cpu,
    most.memory,
    most[disk],
    requests === undefined,
    least.cpu,
    least.memory,
    least[disk],
    runAsUser,
    runAsGroup,
    runAsNonRoot,
    seLinuxOptions,
    seccompProfile,
    appArmorProfile,
    Boolean(podSeccompProfile),
  ];
}

const haveSameValues = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.every((value, index) => isSameJson(value, other[index]));

function makeParts(source: Source, how: How, values: readonly unknown[]): Parts {
  const parts = partsOf(source, how);
  if (JSON.stringify(values).length > KNOWN_LENGTH_MAX) return parts;
  known.unshift({ values, parts });
  known.splice(KNOWN_MAX);
  return parts;
}

const partsOf = (source: Source, how: How): Parts => ({
  replaced: new Part({ name: CONFIG_VOLUME, mountPath: source.own.mountPath, readOnly: true }),
  moved: new Part({ ...source.own, mountPath: CONFIG_ORIGINAL_PATH, readOnly: true }),
  initContainer: new Part(initContainer(source, how)),
});

/** What is not where `place` says, on the raw pod: shapes leave out what they do not know. */
export function mergeDoubt({ spec, container }: Target, { place }: MergePart): string | undefined {
  // Of a Windows pod the API server takes no container that is as confined as ours.
  if (fieldsOf(spec.os).name === 'windows') return 'the pod is one for Windows';
  const mount = mountOf(fieldsOf(container), place);
  return fieldsOf(mount).mountPath === place.path
    ? undefined
    : `the mount ${place.mount} of the main container is another`;
}

function initContainer(source: Source, { file, listKey }: How) {
  const { own, image, imagePullPolicy } = source;
  const args = [CONFIG_ORIGINAL_PATH, file, PEERS_FILE_PATH, CONFIG_TARGET_PATH, listKey, TERMINATION_LOG];
  return {
    name: CONFIG_INIT_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: ['sh', '-c', MERGE_SCRIPT, CONFIG_INIT_CONTAINER, ...args],
    resources: resourcesOf(source),
    securityContext: securityContextOf(source),
    volumeMounts: [
      { name: own.name, mountPath: CONFIG_ORIGINAL_PATH, readOnly: true },
      { name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true },
      { name: CONFIG_VOLUME, mountPath: CONFIG_TARGET_PATH },
    ],
  };
}

const COPIED_RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * The main container's own: a pod's effective request is the larger of its init containers and its containers, so
 * this asks for nothing more. Smaller figures would change the pod's QoS class, and fall below a LimitRange's
 * minimum, which would deny the pod (docs/decisions/0010).
 */
function resourcesOf(source: Source) {
  const copied = (list: unknown) =>
    Object.fromEntries(Object.entries(fieldsOf(list)).filter(([name]) => COPIED_RESOURCES.includes(name)));
  const { limits, requests } = fieldsOf(source.resources);
  return {
    ...(limits === undefined ? {} : { limits: copied(limits) }),
    ...(requests === undefined ? {} : { requests: copied(requests) }),
  };
}

/** Who the main container runs as, so that it may read what is written; everything else as strict as can be. */
const COPIED_SECURITY = [
  'runAsUser',
  'runAsGroup',
  'runAsNonRoot',
  'seLinuxOptions',
  'seccompProfile',
  'appArmorProfile',
];

function securityContextOf(source: Source) {
  const context = fieldsOf(source.securityContext);
  const copied = COPIED_SECURITY.filter((name) => context[name] !== undefined && context[name] !== null);
  return {
    ...(source.podSeccompProfile ? {} : { seccompProfile: { type: 'RuntimeDefault' } }),
    ...Object.fromEntries(copied.map((name) => [name, context[name]])),
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}
