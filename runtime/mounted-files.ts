/**
 * The files of a mounted Secret, read as one set. Owns how the kubelet swaps them, not what is in them.
 *
 * The kubelet writes a new folder, then renames a link `..data` onto it; each file is a link through `..data`. Read
 * one by one through these links, a certificate could be of one version and its key of the next.
 * (kubernetes/pkg/volume/util/atomic_writer.go)
 */
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';

const LINK = '..data';
/** The folder may be swapped while it is read, and the former one removed. */
const ATTEMPTS = 3;

/** The texts of files in `folder`, all of the same version. Rejects if one cannot be read. */
export async function readMounted(folder: string, names: readonly string[]): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    const version = await versionOf(folder);
    try {
      return await Promise.all(names.map((name) => readFile(join(version, name), 'utf8')));
    } catch (error) {
      if (attempt === ATTEMPTS || version === (await versionOf(folder))) throw error;
    }
  }
}

/** The folder that `..data` names now, or the folder itself if there is no such link. */
const versionOf = (folder: string): Promise<string> => realpath(join(folder, LINK)).catch(() => folder);
