/** One deliberate bug: a patch with a few lines in front that say what it is and which test must notice it. */
import { basename } from 'node:path';

export interface Mutant {
  readonly name: string;
  readonly path: string;
  /** What is wrong, as a sentence. */
  readonly bug: string;
  /** Test files and options, as `node --test` takes them. */
  readonly check: string;
  /** Name of the test that must fail. */
  readonly red: string;
}

/** The mutant in a patch file. Throws where a line is missing. */
export function readMutant(path: string, read: (path: string) => string): Mutant {
  const head = read(path).split('\n--- ')[0] ?? '';
  const field = (name: string): string => {
    const found = new RegExp(`^${name}: (.+)$`, 'm').exec(head)?.[1];
    if (found === undefined) throw new Error(`${path} has no line "${name}: …"`);
    return found;
  };
  return {
    name: basename(path, '.patch'),
    path,
    bug: field('Bug'),
    check: field('Check'),
    red: field('Red'),
  };
}
