/**
 * Steps that put a merged configuration in the place of the pod's own: a volume in memory, an init container that
 * fills it, and the main container's configuration folder moved aside.
 */
import { type Fields, fieldsOf } from '../peers/field.ts';
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
import { lastingValue } from './encode.ts';
import { addToList, type Step, valueAt } from './steps.ts';

export interface MergePart {
  readonly place: Merge;
  readonly listKey: PeerListKey;
}

/** Room for the largest ConfigMap (1 MiB) merged, its temporary copy, and what else is in the folder. */
const VOLUME = lastingValue({ name: CONFIG_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } });

/** Steps for the main container at `container`; its mount list is known to hold the one that `place` names. */
export function mergeSteps(pod: Fields, container: readonly string[], { place, listKey }: MergePart): Step[] {
  const mounts = [...container, 'volumeMounts'];
  const own = fieldsOf(valueAt(pod, [...mounts, String(place.mount)]));
  const parts = partsFor(sourceOf(pod, fieldsOf(valueAt(pod, container)), own), { file: place.file, listKey });
  return [
    addToList(pod, ['spec', 'volumes'], VOLUME),
    { op: 'replace', tokens: [...mounts, String(place.mount)], value: parts.replaced },
    addToList(pod, mounts, parts.moved),
    addToList(pod, ['spec', 'initContainers'], parts.initContainer),
  ];
}

/** What of a pod goes into the steps. */
interface Source {
  /** The mount whose place is taken. */
  readonly own: Fields;
  readonly image: unknown;
  readonly imagePullPolicy: unknown;
  readonly resources: object;
  readonly securityContext: object;
}

function sourceOf(pod: Fields, main: Fields, own: Fields): Source {
  const { image, imagePullPolicy } = main;
  return {
    ...{ own, image, imagePullPolicy },
    ...{ resources: resourcesOf(main), securityContext: securityContextOf(pod, main) },
  };
}

interface Parts {
  readonly replaced: object;
  readonly moved: object;
  readonly initContainer: object;
}

interface How {
  readonly file: string;
  readonly listKey: PeerListKey;
}

/** Pods that differ in nothing that goes in get the same parts: there are as many as kinds of validators. */
const known = new Map<string, Parts>();
const KNOWN_MAX = 64;

function partsFor(source: Source, how: How): Parts {
  const key = JSON.stringify([source, how]);
  const found = known.get(key);
  if (found) return found;
  const { own } = source;
  const made = {
    replaced: lastingValue({ name: CONFIG_VOLUME, mountPath: own.mountPath, readOnly: true }),
    moved: lastingValue({ ...own, mountPath: CONFIG_ORIGINAL_PATH, readOnly: true }),
    initContainer: lastingValue(initContainer(source, how)),
  };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(key, made);
  return made;
}

/** What is not where `place` says, on the raw pod: shapes leave out what they do not know. */
export function misplacedMount(
  pod: Fields,
  container: readonly string[],
  { place }: MergePart,
): string | undefined {
  const path = [...container, 'volumeMounts', String(place.mount)];
  return fieldsOf(valueAt(pod, path)).mountPath === place.path
    ? undefined
    : `${path.join('.')} is another mount`;
}

function initContainer(source: Source, { file, listKey }: How) {
  const { own, image, imagePullPolicy, resources, securityContext } = source;
  const args = [
    CONFIG_ORIGINAL_PATH,
    file,
    PEERS_FILE_PATH,
    CONFIG_TARGET_PATH,
    listKey,
    TERMINATION_LOG,
  ];
  return {
    name: CONFIG_INIT_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: ['sh', '-c', MERGE_SCRIPT, CONFIG_INIT_CONTAINER, ...args],
    resources,
    securityContext,
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
function resourcesOf(main: Fields) {
  const copied = (list: unknown) =>
    Object.fromEntries(Object.entries(fieldsOf(list)).filter(([name]) => COPIED_RESOURCES.includes(name)));
  const { limits, requests } = fieldsOf(main.resources);
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

function securityContextOf(pod: Fields, main: Fields) {
  const context = fieldsOf(main.securityContext);
  const copied = COPIED_SECURITY.filter((name) => context[name] !== undefined && context[name] !== null);
  const podProfile = fieldsOf(valueAt(pod, ['spec', 'securityContext'])).seccompProfile;
  return {
    ...(podProfile ? {} : { seccompProfile: { type: 'RuntimeDefault' } }),
    ...Object.fromEntries(copied.map((name) => [name, context[name]])),
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}
