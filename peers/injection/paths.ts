/**
 * Mount paths as the kubelet reads them, and whether two of them overlap.
 */

/**
 * The path with a slash in front, as the kubelet adds one, and none at the end. Not by posix.join: a request may hold
 * a path of 2 MB with dots in it, for which posix.join takes a minute.
 */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** True if `path` is inside the folder `parent`. */
export const isBelow = (path: string, parent: string): boolean =>
  path.length > parent.length &&
  path.startsWith(parent) &&
  (path[parent.length] === '/' || parent.endsWith('/'));

/** True if the two are one path, or one is inside the other. */
export const overlaps = (a: string, b: string): boolean => a === b || isBelow(a, b) || isBelow(b, a);
