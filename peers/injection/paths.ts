/**
 * Mount paths as the kubelet takes them, and how two of them lie to each other.
 */
/**
 * The path with a slash in front (the kubelet puts one there), and none at the end. In one pass: paths come as long as a
 * request may be, and posix.join takes a minute for one of 2 MB with dots in it.
 */
export function normalPath(path: string): string {
  if (isNormal(path)) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** True of nearly every path that comes in, which then need not be taken apart. False says nothing. */
const isNormal = (path: string): boolean =>
  path.startsWith('/') && !path.includes('//') && !path.includes('/.') && !path.endsWith('/');

/** True if `path` is inside the folder `parent`. */
export const isBelow = (path: string, parent: string): boolean =>
  path.length > parent.length &&
  path.startsWith(parent) &&
  (path.charCodeAt(parent.length) === SLASH || parent.charCodeAt(parent.length - 1) === SLASH);

const SLASH = 0x2f;

/** True if the two are one path, or one is inside the other. */
export const overlaps = (a: string, b: string): boolean => a === b || isBelow(a, b) || isBelow(b, a);
