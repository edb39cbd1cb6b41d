// @ts-check
/** Where things are, and what is needed: folders, binaries, their Go packages and versions. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
/** The Go module whose tools the binaries are. */
export const MODULE = join(ROOT, 'test/controlplane');
/** Links to the binaries, wherever they are: what the test cluster starts. */
export const LINKS = join(ROOT, '.cache/bin');

export const KUBERNETES = { version: 'v1.37.2', major: 1, minor: 37 };

/**
 * @typedef {object} Binary
 * @property {string} name
 * @property {string} package Go package that it is built from
 * @property {string[]} ask arguments that make it tell its version
 * @property {RegExp} fits what it says if its version will do
 * @property {number} buildSeconds its share of a build from nothing on two cores
 */

const kubernetes = /v1\.37\.\d+/;

/** @type {(name: string, buildSeconds: number, ask?: string[]) => Binary} */
const component = (name, buildSeconds, ask = ['--version']) => ({
  name,
  package: `k8s.io/kubernetes/cmd/${name}`,
  ask,
  fits: kubernetes,
  buildSeconds,
});

/** @type {Binary[]} */
export const BINARIES = [
  {
    name: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    ask: ['--version'],
    fits: /etcd Version: (3\.([6-9]|\d\d)|[4-9])\./,
    buildSeconds: 40,
  },
  component('kube-apiserver', 150),
  component('kube-controller-manager', 70),
  component('kube-scheduler', 40),
  component('kubectl', 50, ['version', '--client']),
  {
    name: 'kwok',
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    ask: ['--version'],
    fits: /v0\.8\.\d+/,
    buildSeconds: 50,
  },
];

/** HOME, or the account's own where it is not set or empty. */
export const home = () => process.env.HOME || userInfo().homedir;

/** The folder outside the checkout that keeps what was built from exactly this go.mod and go.sum. */
export function cacheFolder() {
  const { STELLAR_PEERS_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  const root = own || join(xdg || join(home(), '.cache'), 'stellar-peers');
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(MODULE, file)));
  hash.update(`${process.platform}-${process.arch}`);
  return join(root, `controlplane-${hash.digest('hex').slice(0, 12)}`);
}
