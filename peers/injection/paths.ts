/** Mount paths as the kubelet reads them, and whether two of them overlap. */

/** The path as the kubelet reads it, without a slash at the end. posix.join would take a minute for 2 MB of dots. */
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
