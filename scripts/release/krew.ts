/** The manifest by which krew, the plugin manager of kubectl, installs the command. Pure. */
import { stringify } from 'yaml';

/** One archive with the command, where it will be published. */
export interface Archive {
  readonly os: string;
  readonly arch: string;
  readonly url: string;
  /** In hex. */
  readonly sha256: string;
}

const DESCRIPTION = `Shows what Stellar validators know of each other, which restarts wait and why, checks the
installation of stellar-peers, and pauses, resumes or allows restarts.
`;

/** The manifest as YAML; `bin` is the name of the program in each archive. */
export function krewManifest(
  version: string,
  { repository, bin, archives }: { repository: string; bin: string; archives: readonly Archive[] },
): string {
  const platforms = archives.map(({ os, arch, url, sha256 }) => ({
    selector: { matchLabels: { os, arch } },
    uri: url,
    sha256,
    bin,
  }));
  return stringify({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'stellar-peers' },
    spec: {
      version: `v${version}`,
      homepage: repository,
      shortDescription: 'Peers and restarts of Stellar validators',
      description: DESCRIPTION,
      platforms,
    },
  });
}
