/** Which configuration file stellar-core is started with, as far as the container's command and args show. Pure. */
import { posix } from 'node:path';
import { CONFIG_FILE } from '../names.ts';
import { type ContainerShape, isShell } from '../read/pod-shape.ts';

/** `unknown`: the image, or a script in it, decides. */
export type StartedWith = 'this' | 'another' | 'unknown';

const WORKING_DIRECTORY = '/etc/stellar';
const CONF = /--conf[= ]+["']?([^\s"']+)/g;
/** Signs that the shell or Kubernetes replaces a part of the text. */
const VARIABLE = /[$`]/;

/**
 * Whether the container reads `file`. A script may copy the file first, or change the directory. So the answer is
 * `unknown` if an argument names another file in the same folder, or if a shell is given a relative path.
 */
export function startedWith({ command, args, workingDir }: ContainerShape, file: string): StartedWith {
  const text = [...command, ...args].join(' ');
  const said = [...text.matchAll(CONF)].map(([, path = '']) => path);
  const named = said.length === 0 && isCore(command[0]) ? [CONFIG_FILE] : said;
  const paths = named.map((path) => posix.resolve(workingDir ?? WORKING_DIRECTORY, path));
  if (paths.includes(file)) return 'this';
  if (named.length === 0) return text.includes(file) ? 'this' : 'unknown';
  if (named.some((path) => VARIABLE.test(path)) || text.includes(`${posix.dirname(file)}/`)) return 'unknown';
  return command.some(isShell) && !named.every(posix.isAbsolute) ? 'unknown' : 'another';
}

/** The one file that the command or args name, by an absolute path; undefined if none or several are named. */
export function namedConfiguration({ command, args, workingDir }: ContainerShape): string | undefined {
  const said = [...[...command, ...args].join(' ').matchAll(CONF)].map(([, path = '']) => path);
  const [path, ...others] = new Set(said);
  if (path === undefined || others.length > 0 || VARIABLE.test(path)) return undefined;
  return posix.resolve(workingDir ?? WORKING_DIRECTORY, path);
}

const isCore = (program = ''): boolean => posix.basename(program) === 'stellar-core';
