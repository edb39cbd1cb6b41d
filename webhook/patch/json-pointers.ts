/**
 * JSON Pointers (RFC 6901) into a pod: written once, since putting them together for each review costs more than the
 * steps that go there.
 */
import { ANNOTATION_EVICTABLE, ANNOTATION_PEER_HASH, ANNOTATION_PEERS } from '../../peers/names.ts';

/** Where a list is, and what Kubernetes tells its entries apart by: their mountPath, or else their name. */
export interface ListPaths {
  /** Of the object that has the list. */
  readonly holder: string;
  readonly list: string;
  /** Behind its last entry. */
  readonly end: string;
  readonly isByPath: boolean;
}

const listPaths = (holder: string, key: string): ListPaths => {
  const list = `${holder}/${key}`;
  return { holder, list, end: `${list}/-`, isByPath: key === 'volumeMounts' };
};

export const METADATA = '/metadata';
export const ANNOTATIONS = `${METADATA}/annotations`;
/** `/` in a key is written `~1`. */
const annotation = (key: string): string => `${ANNOTATIONS}/${key.replaceAll('/', '~1')}`;
export const HASH_PATH = annotation(ANNOTATION_PEER_HASH);
export const PEERS_PATH = annotation(ANNOTATION_PEERS);
export const EVICTABLE_PATH = annotation(ANNOTATION_EVICTABLE);
export const VOLUMES = listPaths('/spec', 'volumes');
export const INIT_CONTAINERS = listPaths('/spec', 'initContainers');

/** Where things of one container are. */
export interface ContainerPaths {
  readonly mounts: ListPaths;
  readonly env: ListPaths;
  /** Of its mount with that index. */
  readonly mount: (index: number) => string;
}

/** A pod may have a thousand containers and mounts; those behind the first few are written anew each time. */
const KEPT = 16;

const byIndex = <T>(make: (index: number) => T): ((index: number) => T) => {
  const known = Array.from({ length: KEPT }, (_, index) => make(index));
  return (index) => known[index] ?? make(index);
};

/** The paths of the container with that index in `spec.containers`. */
export const containerPaths: (index: number) => ContainerPaths = byIndex((index) => {
  const holder = `/spec/containers/${index}`;
  const mounts = listPaths(holder, 'volumeMounts');
  return {
    mounts,
    env: listPaths(holder, 'env'),
    mount: byIndex((mount) => `${mounts.list}/${mount}`),
  };
});
