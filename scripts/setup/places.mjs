// @ts-check
/** The folders, and the binaries with their Go packages and versions. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
/** The folder with links to the binaries that the test cluster starts. */
export const LINKS = join(ROOT, '.cache/bin');
/** The folder with links to resource definitions, by kit. */
export const DEFINITIONS = join(ROOT, '.cache/definitions');
/** Folder with a link to the oldest Node that the project runs on. */
export const MINIMUM_NODE = join(ROOT, '.cache/node-minimum');

/** The folder with links to the binaries of the oldest Kubernetes that differ. */
const OLDEST_LINKS = join(ROOT, '.cache/oldest');

/** @typedef {{ version: string, major: number, minor: number }} Kubernetes a release */

/** @type {Kubernetes} */
export const KUBERNETES = { version: 'v1.37.2', major: 1, minor: 37 };

/**
 * @typedef {object} Binary
 * @property {string} name
 * @property {string} package Go package that it is built from
 * @property {string[]} ask arguments with which it prints its version
 * @property {RegExp} fits matches its output if the version fits
 * @property {{ url: string, sums: string, member?: string }} [release] an official download, the checksums published
 *   beside it, and which file of an archive it is
 */

/** The name that releases have for this machine; undefined where there are none for it. */
const MACHINE =
  process.platform === 'linux'
    ? new Map([
        ['x64', 'amd64'],
        ['arm64', 'arm64'],
      ]).get(process.arch)
    : undefined;

/** @param {NonNullable<Binary['release']>} release */
const onMachine = (release) => (MACHINE === undefined ? {} : { release });

/** The version of a module that a go.mod of ours requires. @param {string} folder @param {string} name */
function required(folder, name) {
  const text = readFileSync(join(ROOT, 'test', folder, 'go.mod'), 'utf8');
  const line = text.split('\n').find((each) => each.replace(/^(require)?\s+/, '').startsWith(`${name} v`));
  return line?.split(name)[1]?.trim().split(' ')[0] ?? '';
}

/** @type {Kubernetes} The oldest release that we support. */
const OLDEST = { version: required('oldest', 'k8s.io/kubernetes'), major: 1, minor: 33 };

/** @type {(name: string, ask?: string[], release?: Kubernetes) => Binary} */
const component = (name, ask = ['--version'], { version, major, minor } = KUBERNETES) => ({
  name,
  package: `k8s.io/kubernetes/cmd/${name}`,
  ask,
  fits: new RegExp(`v${major}\\.${minor}\\.\\d+`),
  ...onMachine({
    url: `https://dl.k8s.io/release/${version}/bin/linux/${MACHINE}/${name}`,
    sums: `https://dl.k8s.io/release/${version}/bin/linux/${MACHINE}/${name}.sha256`,
  }),
});

/**
 * The binaries that are built from one Go module of ours.
 * @typedef {object} Kit
 * @property {string} name of its folder in the cache
 * @property {string} what it is, for people
 * @property {string} module folder of its go.mod
 * @property {Binary[]} binaries
 * @property {string[]} [tags] build tags
 * @property {Kubernetes} [kubernetes] the release that its programs report, if not the newest
 * @property {string} [links] folder for the links to its binaries, if not LINKS
 * @property {{ module: string, folder: string, files: RegExp }} [definitions] resource definitions in a dependency
 */

/** For a program that only we build, so it is not looked for on the machine. */
const OURS_ALONE = { ask: [], fits: /^$(?!)/ };

/** @type {Kit} */
export const CERT_MANAGER = {
  name: 'certmanager',
  what: 'cert-manager',
  module: join(ROOT, 'test/certmanager'),
  binaries: [
    {
      name: 'cert-manager',
      package: 'stellar-peers/test/certmanager',
      ...OURS_ALONE,
    },
  ],
  definitions: {
    module: 'github.com/cert-manager/cert-manager',
    folder: 'deploy/crds',
    files: /^cert-manager\.io_(issuers|clusterissuers|certificates|certificaterequests)\.yaml$/,
  },
};

const HELM_ARCHIVE = `https://get.helm.sh/helm-${required('helm', 'helm.sh/helm/v4')}-linux-${MACHINE}.tar.gz`;

/** @type {Kit} */
export const HELM = {
  name: 'helm',
  what: 'Helm',
  module: join(ROOT, 'test/helm'),
  binaries: [
    {
      name: 'helm',
      package: 'helm.sh/helm/v4/cmd/helm',
      ask: ['version', '--short'],
      fits: /v4\.\d+/,
      ...onMachine({
        url: HELM_ARCHIVE,
        sums: `${HELM_ARCHIVE}.sha256sum`,
        member: `linux-${MACHINE}/helm`,
      }),
    },
  ],
};

const ETCD_VERSION = required('controlplane', 'go.etcd.io/etcd/server/v3');
const ETCD = `etcd-${ETCD_VERSION}-linux-${MACHINE}`;
const ETCD_RELEASE = `https://github.com/etcd-io/etcd/releases/download/${ETCD_VERSION}`;

/** @type {Binary[]} */
const BINARIES = [
  {
    name: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    ask: ['--version'],
    fits: /etcd Version: (3\.([6-9]|\d\d)|[4-9])\./,
    ...onMachine({
      url: `${ETCD_RELEASE}/${ETCD}.tar.gz`,
      sums: `${ETCD_RELEASE}/SHA256SUMS`,
      member: `${ETCD}/etcd`,
    }),
  },
  component('kube-apiserver'),
  component('kube-controller-manager'),
  component('kube-scheduler'),
  component('kubectl', ['version', '--client']),
  {
    // No `release`, because kwok publishes no checksums, so it is always built.
    name: 'kwok',
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    ask: ['--version'],
    fits: /v0\.8\.\d+/,
  },
];

/** HOME, or the home folder of the account if HOME is not set or empty. */
export const home = () => process.env.HOME || userInfo().homedir;

/** @type {Kit} */
export const CONTROL_PLANE = {
  name: 'controlplane',
  what: 'the control plane',
  module: join(ROOT, 'test/controlplane'),
  binaries: BINARIES,
};

/** @type {Kit} Built with the modules and flags of the control plane, so that Go's cache has most packages. */
export const KUBELET = {
  name: 'kubelet',
  what: 'kubelet and kube-proxy',
  module: CONTROL_PLANE.module,
  binaries: [component('kubelet'), component('kube-proxy')],
};

/** @type {Kit} The binaries that differ between releases; etcd, kubectl and kwok are the same. */
export const OLDEST_CONTROL_PLANE = {
  name: 'oldest',
  what: 'the control plane of the oldest Kubernetes',
  module: join(ROOT, 'test/oldest'),
  binaries: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) =>
    component(name, ['--version'], OLDEST),
  ),
  kubernetes: OLDEST,
  links: OLDEST_LINKS,
};

const PLUGINS = 'github.com/containernetworking/plugins/plugins';

/** @type {Kit} */
export const CONTAINERD = {
  name: 'containerd',
  what: 'containerd and the plugins for its network',
  module: join(ROOT, 'test/node/containerd'),
  // These would need headers of C libraries.
  tags: ['no_btrfs', 'no_devmapper', 'no_zfs'],
  binaries: [
    ...['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => ({
      name,
      package: `github.com/containerd/containerd/v2/cmd/${name}`,
      ask: ['--version'],
      fits: /\sv?2\.\d+\./,
    })),
    ...['main/bridge', 'main/loopback', 'ipam/host-local'].map((path) => ({
      name: path.split('/')[1] ?? '',
      package: `${PLUGINS}/${path}`,
      ...OURS_ALONE,
    })),
  ],
};

/** @type {Kit} */
export const DNS = {
  name: 'dns',
  what: 'CoreDNS',
  module: join(ROOT, 'test/node/dns'),
  binaries: [{ name: 'coredns', package: 'stellar-peers/test/node/dns', ...OURS_ALONE }],
};

/** The folder for everything that is kept outside the checkout. */
export function cacheRoot() {
  const { STELLAR_PEERS_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  return own || join(xdg || join(home(), '.cache'), 'stellar-peers');
}

/**
 * The folder outside the checkout for the binaries of exactly these sources and versions.
 * @param {Kit} kit
 */
export function cacheFolder(kit) {
  const hash = createHash('sha256');
  const sources = readdirSync(kit.module).filter((file) => /^go\.(mod|sum)$|\.go$/.test(file));
  for (const file of sources.sort()) hash.update(readFileSync(join(kit.module, file)));
  hash.update(`${process.platform}-${process.arch}`);
  return join(cacheRoot(), `${kit.name}-${hash.digest('hex').slice(0, 12)}`);
}
