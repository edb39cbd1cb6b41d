/** The versions that the tests run with, from the files that pin them. */
import { readFileSync } from 'node:fs';
import { NODE_VERSION } from './image/sources.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

export interface Tested {
  readonly what: string;
  readonly version: string;
  /** The tests that use it. */
  readonly by: string;
}

/** The text in a file that the group of the pattern matches. */
function found(path: string, pattern: RegExp): string {
  const [, text] = pattern.exec(read(path)) ?? [];
  if (text === undefined) throw new Error(`${path} has no ${pattern}`);
  return text;
}

const inModule = (folder: string, module: string): string =>
  found(
    `test/${folder}/go.mod`,
    new RegExp(`^(?:require)?\\s+${module.replaceAll('.', '\\.')} v(\\S+)`, 'm'),
  );

/** One row for each program. */
export const testedVersions = (): readonly Tested[] => [
  {
    what: 'Kubernetes (API server, controller-manager, scheduler, kubectl with kustomize)',
    version: inModule('controlplane', 'k8s.io/kubernetes'),
    by: '`make test`',
  },
  {
    what: 'Kubernetes, the oldest (API server, controller-manager, scheduler)',
    version: inModule('oldest', 'k8s.io/kubernetes'),
    by: '`make test-oldest`',
  },
  { what: 'etcd', version: inModule('controlplane', 'go.etcd.io/etcd/server/v3'), by: '`make test`' },
  {
    what: 'kwok, in place of kubelets',
    version: inModule('controlplane', 'sigs.k8s.io/kwok'),
    by: '`make test`',
  },
  {
    what: 'cert-manager (controllers and cainjector, without its webhook)',
    version: inModule('certmanager', 'github.com/cert-manager/cert-manager'),
    by: '`make test-all`',
  },
  { what: 'Helm', version: inModule('helm', 'helm.sh/helm/v4'), by: '`make test-all`' },
  {
    what: 'Node.js, in tests',
    version: found('package-lock.json', /"node_modules\/node": \{\n\s+"version": "([^"]+)"/),
    by: '`make test`',
  },
  {
    what: 'Node.js, the oldest, in unit tests',
    version: `${found('package.json', /"node": ">=(\d+\.\d+)"/)}.0`,
    by: '`make test-all`',
  },
  {
    what: 'Node.js, in the image',
    version: `${NODE_VERSION} on amd64 (on arm64 by qemu only)`,
    by: '`make node-test`',
  },
  {
    what: 'kubelet and kube-proxy',
    version: inModule('controlplane', 'k8s.io/kubernetes'),
    by: '`make node-test`',
  },
  {
    what: 'containerd, with runc of Debian',
    version: inModule('node/containerd', 'github.com/containerd/containerd/v2'),
    by: '`make node-test`',
  },
];
