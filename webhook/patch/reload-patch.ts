/**
 * What of a patch adds the sidecar that tells stellar-core of new peers: a native sidecar, which is an init container that
 * goes on running.
 */
import { type Fields, fieldsOf } from '../../peers/field.ts';
import type { Reload, ReloadResources } from '../../peers/injection/reload.ts';
import { RELOAD_SCRIPT } from '../../peers/injection/reload-script.ts';
import { CONFIG_VOLUME, PEERS_TXT, type Places, RELOAD_CONTAINER, VOLUME_NAME } from '../../peers/names.ts';
import { confinementOf } from './confinement.ts';
import type { MergePart, Target } from './merge-patch.ts';
import { escapedOnce, mountIn, type PodPatch, windowsConflict } from './pod-patch.ts';

export interface ReloadPart {
  readonly place: Reload;
  readonly places: Places;
  /** The merge whose result the sidecar reads. */
  readonly merge: MergePart | undefined;
}

/** Adds the sidecar, or keeps the one that is there. Returns why the sidecar would not fit the raw pod, in words. */
export function carryOutReload(
  patch: PodPatch,
  target: Target & { annotations: unknown },
  reload: ReloadPart | ReloadResources,
): string | undefined {
  if (!('place' in reload)) {
    followOthers(patch, target, reload);
    return undefined;
  }
  addReload(patch, target, reload);
  return reloadConflict(target, reload);
}

/** Adds the sidecar behind all init containers that are there, the one that merges among them. */
function addReload(
  patch: PodPatch,
  { spec, main, annotations }: Target & { annotations: unknown },
  part: ReloadPart,
): void {
  const container = fieldsOf(main.holder);
  const { image, imagePullPolicy } = container;
  const { places, place } = part;
  patch.append(spec, 'initContainers', {
    name: RELOAD_CONTAINER,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    restartPolicy: 'Always',
    command: ['sh', '-c', SCRIPT, RELOAD_CONTAINER, place.file, `${places.peers}/${PEERS_TXT}`, LOOK_SECONDS],
    resources: place.resources,
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

/** What holds the configuration, as the main container sees it. Links in the merged folder lead to the original one. */
function mountsOf(main: Fields, { place, merge }: ReloadPart): Fields[] {
  if (merge) {
    const { name, mountPath } = mountIn(main, merge.place.mount);
    return [
      { name: CONFIG_VOLUME, mountPath, readOnly: true },
      { name, mountPath: merge.place.original, readOnly: true },
    ];
  }
  if (place.mount === undefined) return [];
  const { name, mountPath, subPath } = mountIn(main, place.mount);
  return [{ name, mountPath, ...(subPath === undefined ? {} : { subPath }), readOnly: true }];
}

function reloadConflict({ spec, main }: Target, { place }: ReloadPart): string | undefined {
  const windows = windowsConflict(spec);
  if (windows !== undefined || place.mount === undefined) return windows;
  const { mountPath, subPathExpr } = mountIn(fieldsOf(main.holder), place.mount);
  if (typeof mountPath !== 'string')
    return `the main container has another mount at place ${place.mount} than expected`;
  return subPathExpr ? `${mountPath} is mounted by subPathExpr` : undefined;
}

/**
 * Keeps the sidecar that is there in the pod's class, and what a quota demands of each container: another admission
 * changed the other containers after us. What the sidecar has stays.
 */
const followOthers = (patch: PodPatch, { spec }: Pick<Target, 'spec'>, wanted: ReloadResources): void =>
  patch.setResources(spec, RELOAD_CONTAINER, (own) => {
    const added = Object.entries(wanted).map(([kind, amounts]) => [
      kind,
      { ...amounts, ...fieldsOf(own[kind]) },
    ]);
    return { ...own, ...Object.fromEntries(added) };
  });
