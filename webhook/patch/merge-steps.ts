/**
 * Steps that put a merged configuration in the place of the pod's own: a volume in memory, an init container that
 * fills it, and the main container's configuration folder moved aside.
 */
import { type Fields, fieldsOf, isSameJson, textOf } from '../../peers/field.ts';
import type { Merge, PeerListKey, SiblingShare } from '../../peers/injection/merge.ts';
import { MERGE_SCRIPT } from '../../peers/injection/merge-script.ts';
import {
  ANNOTATION_APP_ARMOR,
  CONFIG_INIT_CONTAINER,
  CONFIG_TARGET_PATH,
  CONFIG_VOLUME,
  MOUNT_PATH,
  PEERS_TOML_PATH,
  TERMINATION_LOG,
  VOLUME_NAME,
} from '../../peers/names.ts';
import { EncodedValue } from './encode.ts';
import { type ContainerPaths, INIT_CONTAINERS, VOLUMES } from './json-pointers.ts';
import { addToList, isAbsent, replace, type Step } from './steps.ts';

export interface MergePart {
  readonly place: Merge;
  readonly listKey: PeerListKey;
  readonly share: SiblingShare;
}

/** Room for the largest ConfigMap (1 MiB) merged, its temporary copy, and what else is in the folder. */
const VOLUME = new EncodedValue({ name: CONFIG_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } });

/** The raw pod's spec, and its main container as it stands there. */
interface Target {
  readonly spec: Fields;
  readonly container: unknown;
}

/** Steps for the main container; its mount list is known to hold the one that `place` names. */
export function mergeSteps(
  { spec, container, paths, annotations }: Target & { paths: ContainerPaths; annotations: unknown },
  { place, listKey, share }: MergePart,
): Step[] {
  const fields = fieldsOf(container);
  const own = mountOf(fields, place);
  const securityContext = securityOf(fields, fieldsOf(annotations));
  const { image, imagePullPolicy, resources } = fields;
  const source = { own: fieldsOf(own), image, imagePullPolicy, resources, securityContext };
  const parts = partsFor(source, { ...place, listKey, share });
  return [
    addToList(VOLUME, { paths: VOLUMES, holder: spec, list: spec.volumes }),
    replace(parts.replaced, paths.mount(place.mount), own),
    addToList(parts.moved, { paths: paths.mounts, holder: container, list: fields.volumeMounts }),
    addToList(parts.initContainer, { paths: INIT_CONTAINERS, holder: spec, list: spec.initContainers }),
  ];
}

/**
 * The step for a pod in which all of that is there: another admission changed the main container after us, so we are
 * asked again. The init container asks for what the main one asks for now.
 */
export function followSteps({ spec, container }: Target): Step[] {
  const { initContainers: list } = spec;
  const index = Array.isArray(list) ? list.findIndex(isOurs) : -1;
  const value = resourcesOf(fieldsOf(container).resources);
  const present = Array.isArray(list) ? fieldsOf(list[index]).resources : undefined;
  if (index < 0 || isSameJson(fieldsOf(present), value)) return [];
  const op = isAbsent(present) ? 'add' : 'replace';
  return [{ operation: { op, path: `${INIT_CONTAINERS.list}/${index}/resources`, value }, doubt: undefined }];
}

const isOurs = (container: unknown): boolean => fieldsOf(container).name === CONFIG_INIT_CONTAINER;

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
  readonly securityContext: Fields;
}

const APP_ARMOR_TYPES = new Map([
  ['runtime/default', 'RuntimeDefault'],
  ['unconfined', 'Unconfined'],
]);

/**
 * The main container's own, with the AppArmor profile that an annotation gives to it: the API server makes the field of
 * that after us, and policies then see it.
 */
function securityOf({ name, securityContext }: Fields, annotations: Fields): Fields {
  const said = fieldsOf(securityContext);
  const profile = textOf(annotations[`${ANNOTATION_APP_ARMOR}${textOf(name)}`]);
  if (profile === undefined || !isAbsent(said.appArmorProfile)) return said;
  const [, localhostProfile] = /^localhost\/(.+)$/s.exec(profile) ?? [];
  const type = localhostProfile === undefined ? APP_ARMOR_TYPES.get(profile) : 'Localhost';
  if (type === undefined) return said;
  return {
    ...said,
    appArmorProfile: { type, ...(localhostProfile === undefined ? {} : { localhostProfile }) },
  };
}

interface Parts {
  readonly replaced: EncodedValue;
  readonly moved: EncodedValue;
  readonly initContainer: EncodedValue;
}

interface How {
  readonly file: string;
  readonly original: string;
  readonly listKey: PeerListKey;
  readonly share: SiblingShare;
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
function valuesOf(source: Source, { file, original, listKey, share }: How): unknown[] {
  const { own, image, imagePullPolicy, resources, securityContext } = source;
  const { limits, requests } = fieldsOf(resources);
  const [most, least] = [fieldsOf(limits), fieldsOf(requests)];
  const disk = 'ephemeral-storage';
  return [
    file,
    original,
    listKey,
    share,
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
    securityContext,
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
  replaced: new EncodedValue({ name: CONFIG_VOLUME, mountPath: source.own.mountPath, readOnly: true }),
  moved: new EncodedValue({ ...source.own, mountPath: how.original, readOnly: true }),
  initContainer: new EncodedValue(initContainer(source, how)),
});

/** What is not where `place` says, on the raw pod: shapes leave out what they do not know. */
export function mergeConflict({ spec, container }: Target, { place }: MergePart): string | undefined {
  // Of a Windows pod the API server takes no container that is as confined as ours.
  if (fieldsOf(spec.os).name === 'windows') return 'the pod is one for Windows';
  const mount = mountOf(fieldsOf(container), place);
  return fieldsOf(mount).mountPath === place.path
    ? undefined
    : `the mount ${place.mount} of the main container is another`;
}

function initContainer(source: Source, { file, original, listKey, share }: How) {
  const { own, image, imagePullPolicy } = source;
  const places = [original, file, PEERS_TOML_PATH, CONFIG_TARGET_PATH];
  const args = [...places, listKey, TERMINATION_LOG, share];
  return {
    name: CONFIG_INIT_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: ['sh', '-c', MERGE_SCRIPT, CONFIG_INIT_CONTAINER, ...args],
    resources: resourcesOf(source.resources),
    securityContext: securityContextOf(source),
    volumeMounts: [
      { name: own.name, mountPath: original, readOnly: true },
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
function resourcesOf(resources: unknown) {
  const copied = (list: unknown) =>
    Object.fromEntries(Object.entries(fieldsOf(list)).filter(([name]) => COPIED_RESOURCES.includes(name)));
  const { limits, requests } = fieldsOf(resources);
  return {
    ...(limits === undefined ? {} : { limits: copied(limits) }),
    ...(requests === undefined ? {} : { requests: copied(requests) }),
  };
}

/**
 * All that the main container says, so that the init container may read what the other writes, and a policy that asks
 * something of each container finds it here too; but no more rights than it needs. What the main one does not say is not
 * said here either: an OpenShift SCC refuses a seccomp profile that is named, whichever it is.
 */
function securityContextOf({ securityContext }: Source) {
  const { capabilities, ...said } = securityContext;
  const { drop } = fieldsOf(capabilities);
  return {
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => !isAbsent(value))),
    ...(isAbsent(said.privileged) ? {} : { privileged: false }),
    ...(isAbsent(said.procMount) ? {} : { procMount: 'Default' }),
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: [...new Set([...(Array.isArray(drop) ? drop : []), 'ALL'])] },
  };
}
