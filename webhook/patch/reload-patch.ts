/**
 * The part of the patch that adds the sidecar, which tells stellar-core of new peers. It is a native sidecar: an init
 * container that goes on running.
 */
import { type Fields, fieldsOf } from '../../peers/field.ts';
import type { Reload, ReloadResources } from '../../peers/injection/reload.ts';
import { RELOAD_SCRIPT } from '../../peers/injection/reload-script.ts';
import { CONFIG_VOLUME, PEERS_TXT, type Places, RELOAD_CONTAINER, VOLUME_NAME } from '../../peers/names.ts';
import { confinementOf } from './confinement.ts';
import type { MergePart, Target } from './merge-patch.ts';
import { escapedOnce, mountIn, type PodPatch, windowsConflict } from './pod-patch.ts';

/** The sidecar to add. */
export interface ReloadPart {
  readonly sidecar: Reload;
  /** The paths in this pod. */
  readonly places: Places;
  /** The merge whose result the sidecar reads. */
  readonly merge: MergePart | undefined;
}

/**
 * Adds the sidecar; with resources alone, adapts the sidecar that the pod has already. Returns why the sidecar does not
 * fit the pod as it was sent, or undefined if it fits.
 */
export function carryOutReload(
  patch: PodPatch,
  target: Target & { annotations: unknown },
  reload: ReloadPart | ReloadResources,
): string | undefined {
  if (!('sidecar' in reload)) {
    addMissingResources(patch, target, reload);
    return undefined;
  }
  addReload(patch, target, reload);
  return reloadConflict(target, reload);
}

/** Adds the sidecar after all init containers of the pod, because the one that merges must have run before. */
function addReload(
  patch: PodPatch,
  { spec, main, annotations }: Target & { annotations: unknown },
  part: ReloadPart,
): void {
  const container = fieldsOf(main.holder);
  const { image, imagePullPolicy } = container;
  const { file, resources } = part.sidecar;
  const { places } = part;
  patch.append(spec, 'initContainers', {
    name: RELOAD_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    restartPolicy: 'Always',
    command: ['sh', '-c', SCRIPT, RELOAD_CONTAINER, file, `${places.peers}/${PEERS_TXT}`, LOOK_SECONDS],
    resources,
    securityContext: confinementOf(container, fieldsOf(annotations)),
    volumeMounts: [
      ...mountsOf(container, part),
      { name: VOLUME_NAME, mountPath: places.peers, readOnly: true },
    ],
  });
}

const SCRIPT = escapedOnce(RELOAD_SCRIPT);

/** How often the sidecar looks at the list. */
const LOOK_SECONDS = '5';

/**
 * The mounts that hold the configuration, at the same paths as in the main container. After a merge these are two:
 * links in the merged folder lead to the original folder.
 */
function mountsOf(main: Fields, { sidecar, merge }: ReloadPart): Fields[] {
  if (merge) {
    const { name, mountPath } = mountIn(main, merge.place.mount);
    return [
      { name: CONFIG_VOLUME, mountPath, readOnly: true },
      { name, mountPath: merge.place.original, readOnly: true },
    ];
  }
  if (sidecar.mount === undefined) return [];
  const { name, mountPath, subPath } = mountIn(main, sidecar.mount);
  return [{ name, mountPath, ...(subPath === undefined ? {} : { subPath }), readOnly: true }];
}

/** Why the sidecar does not fit the pod as it was sent; undefined if it fits. */
function reloadConflict({ spec, main }: Target, { sidecar }: ReloadPart): string | undefined {
  const windows = windowsConflict(spec);
  if (windows !== undefined || sidecar.mount === undefined) return windows;
  const { mountPath, subPathExpr } = mountIn(fieldsOf(main.holder), sidecar.mount);
  if (typeof mountPath !== 'string')
    return `the main container has another mount at place ${sidecar.mount} than expected`;
  return subPathExpr ? `${mountPath} is mounted by subPathExpr` : undefined;
}

/**
 * Adds resources that the pod's sidecar lacks. Another admission webhook may have given resources to the other
 * containers after our first review; without the same, the sidecar would change the QoS class of the pod, or break a
 * quota. Resources that the sidecar has stay as they are.
 */
const addMissingResources = (
  patch: PodPatch,
  { spec }: Pick<Target, 'spec'>,
  wanted: ReloadResources,
): void =>
  patch.setResources(spec, RELOAD_CONTAINER, (own) => {
    const added = Object.entries(wanted).map(([kind, amounts]) => [
      kind,
      { ...amounts, ...fieldsOf(own[kind]) },
    ]);
    return { ...own, ...Object.fromEntries(added) };
  });
