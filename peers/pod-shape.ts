/**
 * What injection needs to know of a pod or pod template: names and places, nothing else.
 */
import { type Fields, fieldsOf, listOf, stringsOf, textOf } from './field.ts';
import { normalPath } from './paths.ts';

export interface MountShape {
  readonly name: string;
  /** As the pod has it, and as the kubelet takes it. */
  readonly path: string;
  readonly folder: string;
  readonly readOnly: boolean;
  /** True if it shows a part of its volume only. */
  readonly isPart: boolean;
}

export interface ContainerShape {
  readonly name: string;
  readonly image: string;
  readonly mounts: readonly MountShape[];
  readonly env: ReadonlyArray<{ readonly name: string; readonly value: string | undefined }>;
  readonly hasReadinessProbe: boolean;
}

export interface VolumeShape {
  readonly name: string;
  /** Name of the ConfigMap it comes from, if it does. */
  readonly configMap: string | undefined;
  /** Keys it takes from that ConfigMap. */
  readonly keys: readonly string[];
  /** True for the kinds that no container can write to, whatever its mount says. */
  readonly isReadOnly: boolean;
}

export interface PodShape {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerShape[];
  readonly initContainers: readonly ContainerShape[];
  readonly volumes: readonly VolumeShape[];
}

function containerShape(container: Fields): ContainerShape {
  return {
    name: textOf(container.name) ?? '',
    image: textOf(container.image) ?? '',
    mounts: listOf(container.volumeMounts).map(mountShape),
    env: listOf(container.env).map((entry) => ({
      name: textOf(entry.name) ?? '',
      value: textOf(entry.value),
    })),
    hasReadinessProbe: container.readinessProbe !== undefined,
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
    keys: listOf(configMap.items).flatMap((item) => textOf(item.key) ?? []),
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
  };
}
