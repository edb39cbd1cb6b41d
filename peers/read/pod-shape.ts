/** The parts of a pod or pod template that injection looks at: names and paths. */
import { type Fields, fieldsOf, listOf, stringsOf, textOf, textsOf } from '../field.ts';
import { normalPath } from '../injection/paths.ts';
import { ANNOTATION_DEFAULT_CONTAINER, MAIN_CONTAINER } from '../names.ts';

export interface MountShape {
  readonly name: string;
  /** The path as the pod gives it, and as the kubelet reads it. */
  readonly path: string;
  readonly folder: string;
  readonly readOnly: boolean;
  /** True if the mount shows only a part of its volume. */
  readonly isPart: boolean;
}

export interface ContainerShape {
  readonly name: string;
  readonly image: string;
  /** The command that replaces the image's entrypoint. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string | undefined;
  readonly mounts: readonly MountShape[];
  readonly env: ReadonlyArray<{ readonly name: string; readonly value: string | undefined }>;
  readonly hasReadinessProbe: boolean;
  /** The resources that the container names, such as `requests.cpu`, whatever the amounts are. */
  readonly asks: readonly string[];
  /** True if its limits of processor and memory equal its requests. If all containers do so, the pod is Guaranteed. */
  readonly isGuaranteed: boolean;
}

export interface VolumeShape {
  readonly name: string;
  readonly configMap: string | undefined;
  /** The keys that the volume takes, and their file names; empty if it takes all keys under their own names. */
  readonly items: ReadonlyArray<{ readonly key: string; readonly path: string | undefined }>;
  /** True for a kind of volume to which no container can write. */
  readonly isReadOnly: boolean;
}

export interface PodShape {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerShape[];
  readonly initContainers: readonly ContainerShape[];
  readonly volumes: readonly VolumeShape[];
  /** True if the pod has resources as a whole, of which its containers take their part. */
  readonly hasOwnResources: boolean;
  /** True if the pod uses the network of its machine, so that its localhost is shared with other pods. */
  readonly hasHostNetwork: boolean;
}

/** A container that the kubelet has restarted in its pod. */
export interface ContainerRestarts {
  readonly container: string;
  readonly restarts: number;
  /** The last start, ms since the epoch by the kubelet's clock. */
  readonly startedAtMs: number;
}

/** An image reference whose last part is `stellar-core`, whatever its registry, tag or digest. */
const CORE_IMAGE = /^([^@]*\/)?stellar-core(:[\w.-]+)?(@.*)?$/;

/** True if the image is called `stellar-core`. */
export const isCoreImage = (image: string): boolean => CORE_IMAGE.test(image);

/**
 * The container that runs stellar-core: the one with the operator's name, else kubectl's default container, else the
 * only one with a stellar-core image. Undefined if there is none; the first container is no guess, since it may be a
 * sidecar.
 */
export function mainContainerOf({
  annotations,
  containers,
}: Pick<PodShape, 'annotations' | 'containers'>): ContainerShape | undefined {
  const named = (wanted: string | undefined) => containers.find(({ name }) => name === wanted);
  const [only, ...others] = containers.filter(({ image }) => isCoreImage(image));
  return (
    named(MAIN_CONTAINER) ??
    named(annotations[ANNOTATION_DEFAULT_CONTAINER]) ??
    (others.length === 0 ? only : undefined)
  );
}

/** True for a word of a command that is a POSIX shell. */
export const isShell = (word: string): boolean => /^(.*\/)?(ba|da|a)?sh$/.test(word);

function containerShape(container: Fields): ContainerShape {
  return {
    name: textOf(container.name) ?? '',
    image: textOf(container.image) ?? '',
    command: textsOf(container.command),
    args: textsOf(container.args),
    workingDir: textOf(container.workingDir),
    mounts: listOf(container.volumeMounts).map(mountShape),
    env: listOf(container.env).map((entry) => ({
      name: textOf(entry.name) ?? '',
      value: textOf(entry.value),
    })),
    hasReadinessProbe: container.readinessProbe !== undefined,
    ...demandsOf(fieldsOf(container.resources)),
  };
}

/** Compares amounts as text: the API server writes equal amounts alike, and sets a missing request to the limit. */
function demandsOf(resources: Fields): Pick<ContainerShape, 'asks' | 'isGuaranteed'> {
  const [limits, requests] = [fieldsOf(resources.limits), fieldsOf(resources.requests)];
  const named = (kind: string, list: Fields) => Object.keys(list).map((name) => `${kind}.${name}`);
  return {
    asks: [...named('limits', limits), ...named('requests', requests)],
    isGuaranteed: ['cpu', 'memory'].every((name) => {
      const { [name]: limit } = limits;
      return isThere(limit) && (requests[name] ?? limit) === limit;
    }),
  };
}

function mountShape(mount: Fields): MountShape {
  const path = textOf(mount.mountPath) ?? '';
  return {
    name: textOf(mount.name) ?? '',
    path,
    folder: normalPath(path),
    readOnly: mount.readOnly === true,
    isPart: Boolean(mount.subPath) || Boolean(mount.subPathExpr),
  };
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;

function volumeShape(volume: Fields): VolumeShape {
  const { configMap: source, secret, projected, downwardAPI } = volume;
  const configMap = fieldsOf(source);
  return {
    name: textOf(volume.name) ?? '',
    configMap: textOf(configMap.name),
    items: listOf(configMap.items).flatMap(({ key, path }) => {
      const named = textOf(key);
      return named === undefined ? [] : [{ key: named, path: textOf(path) }];
    }),
    isReadOnly: isThere(source) || isThere(secret) || isThere(projected) || isThere(downwardAPI),
  };
}

/** The shape of a pod or of a `spec.template` (both have `metadata` and `spec`). */
export function podShapeOf(pod: Fields): PodShape {
  const metadata = fieldsOf(pod.metadata);
  const spec = fieldsOf(pod.spec);
  return {
    labels: stringsOf(metadata.labels),
    annotations: stringsOf(metadata.annotations),
    containers: listOf(spec.containers).map(containerShape),
    initContainers: listOf(spec.initContainers).map(containerShape),
    volumes: listOf(spec.volumes).map(volumeShape),
    hasOwnResources: isThere(spec.resources),
    hasHostNetwork: spec.hostNetwork === true,
  };
}
