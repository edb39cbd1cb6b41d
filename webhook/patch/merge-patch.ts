/**
 * The part of the patch that merges the configuration: a volume in memory, an init container that fills it, and the main
 * container's configuration folder moved aside.
 */
import { type Fields, fieldsOf } from '../../peers/field.ts';
import type { Merge, PeerListKey, SiblingShare } from '../../peers/injection/merge.ts';
import { MERGE_SCRIPT } from '../../peers/injection/merge-script.ts';
import {
  CONFIG_INIT_CONTAINER,
  CONFIG_TARGET_PATH,
  CONFIG_VOLUME,
  MOUNT_PATH,
  PEERS_TOML_PATH,
  TERMINATION_LOG,
  VOLUME_NAME,
} from '../../peers/names.ts';
import { confinementOf } from './confinement.ts';
import { escapedOnce, mountIn, type Place, type PodPatch, windowsConflict } from './pod-patch.ts';

export interface MergePart {
  readonly place: Merge;
  readonly listKey: PeerListKey;
  readonly share: SiblingShare;
}

/** Room for the largest ConfigMap (1 MiB) merged, its temporary copy, and other files of the folder. */
const VOLUME = { name: CONFIG_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } };

/** The raw pod's spec, and its main container as it stands there. */
export interface Target {
  readonly spec: Place;
  readonly main: Place;
}

/** Adds volume, init container and mounts. The caller has checked that the mount which `place` names exists. */
export function addMerge(
  patch: PodPatch,
  { spec, main, annotations }: Target & { annotations: unknown },
  part: MergePart,
): void {
  const { place } = part;
  const container = fieldsOf(main.holder);
  const own = mountIn(container, place.mount);
  const securityContext = confinementOf(container, fieldsOf(annotations));
  patch.append(spec, 'volumes', VOLUME);
  const merged = { name: CONFIG_VOLUME, mountPath: own.mountPath, readOnly: true };
  patch.operations.push({ op: 'replace', path: `${main.path}/volumeMounts/${place.mount}`, value: merged });
  patch.append(main, 'volumeMounts', { ...own, mountPath: place.original, readOnly: true });
  patch.append(spec, 'initContainers', initContainer({ ...container, securityContext }, own, part));
}

/**
 * Adapts the init container of a pod that has one already. The API server asks us a second time if another admission
 * webhook changed the pod after us. The init container gets the resources that the main container has now.
 */
export const followMain = (patch: PodPatch, { spec, main }: Target): void =>
  patch.setResources(spec, CONFIG_INIT_CONTAINER, () => resourcesOf(fieldsOf(main.holder).resources));

/** Why the merge does not fit the pod as it was sent; undefined if it fits. (Our own types leave out unknown fields.) */
export function mergeConflict({ spec, main }: Target, { place }: MergePart): string | undefined {
  const isThere = mountIn(fieldsOf(main.holder), place.mount).mountPath === place.path;
  return (
    windowsConflict(spec) ??
    (isThere ? undefined : `the main container has another mount at place ${place.mount} than expected`)
  );
}

const SCRIPT = escapedOnce(MERGE_SCRIPT);

function initContainer(main: Fields, own: Fields, { place, listKey, share }: MergePart) {
  const { image, imagePullPolicy } = main;
  const places = [place.original, place.file, PEERS_TOML_PATH, CONFIG_TARGET_PATH];
  const args = [...places, listKey, TERMINATION_LOG, share];
  return {
    name: CONFIG_INIT_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: ['sh', '-c', SCRIPT, CONFIG_INIT_CONTAINER, ...args],
    resources: resourcesOf(main.resources),
    securityContext: main.securityContext,
    volumeMounts: [
      { name: own.name, mountPath: place.original, readOnly: true },
      { name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true },
      { name: CONFIG_VOLUME, mountPath: CONFIG_TARGET_PATH },
    ],
  };
}

const COPIED_RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * The resources of the main container. They do not increase the pod's effective request, which is the larger of its init
 * containers' and its containers' requests. Smaller amounts could change the pod's QoS class, or fall below the minimum of
 * a LimitRange, which would deny the pod (docs/decisions/0010).
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
