/**
 * Reads everything that checks look at, each by itself: what the caller may not read is noted, and costs the others
 * nothing. Owns the requests.
 */

import { listed, type Settings } from '../../app/settings.ts';
import { discoverySettings } from '../../app/wiring-settings.ts';
import { discover } from '../../peers/discovery/discover.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { CERT_SECRET, COMPONENT, LEADER_LEASE } from '../../peers/names.ts';
import type { Trials } from '../../runtime/kube/client.ts';
import { type Kube, KubeError, type KubeObject, type ListQuery } from '../../runtime/kube/port.ts';
import { Deployments, Leases, type Resource, Secrets } from '../../runtime/kube/resources.ts';
import {
  createStores,
  type WatchedKind as Kind,
  namedSources,
  type Scope,
  validatorSources,
  worldOf,
} from '../../runtime/kube/sources.ts';
import type { FactSource, Facts, WorldSource } from './facts.ts';
import { containerOf } from './installed-checks.ts';
import { readPolicy } from './network-policy.ts';
import { accountRights, installRights, type Right, reviewOf } from './rights.ts';
import { templateOwnersOf } from './template-owners.ts';
import { tryPod } from './trial.ts';

const kind = (apiVersion: string, name: string, plural: string): Resource => ({
  apiVersion,
  kind: name,
  plural,
});
const Crds = kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions');
const NetworkPolicies = kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
const ADMISSION = 'admissionregistration.k8s.io/v1';
const AdmissionPolicies = kind(ADMISSION, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies');
const PolicyBindings = kind(
  ADMISSION,
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
);
const AUTHORIZATION = 'authorization.k8s.io/v1';
const OwnReviews = kind(AUTHORIZATION, 'SelfSubjectAccessReview', 'selfsubjectaccessreviews');
const AccountReviews = kind(AUTHORIZATION, 'SubjectAccessReview', 'subjectaccessreviews');
const CRD_NAME = 'stellarnodes.stellar.org';

/** What is asked for, and of whom. */
export interface Request {
  readonly kube: Kube;
  readonly trials: Trials;
  readonly nowMs: () => number;
  readonly when: Facts['when'];
  readonly commandVersion: string;
  readonly settings: Settings;
  readonly settingsProblem: string | undefined;
}

/** Everything that could be read. Rejects with KubeError where the cluster cannot be reached. */
export async function gatherFacts(request: Request): Promise<Facts> {
  const { kube, trials, when, commandVersion, settings, settingsProblem } = request;
  const { namespace: home } = settings;
  const reader = new Reader();
  const serverVersion = await reader.read('version', '', () => trials.version());
  const named = (resource: Resource, name: string) => () => kube.get({ resource, namespace: home, name });
  const deployment = await reader.read('deployment', undefined, named(Deployments, COMPONENT));
  const scope = { ownNamespace: home, watchNamespaces: listed(settings.watchNamespaces) };
  const { watchNamespaces } = scope;
  const places = watchNamespaces.length === 0 ? [{}] : watchNamespaces.map((namespace) => ({ namespace }));
  const list = (source: FactSource, resource: Resource) =>
    reader.read(source, [], () => listAll(kube, resource, [{}]));
  const [crd, policies, policyBindings, lease, certificatePem, rights, read, networkPolicies] =
    await Promise.all([
      reader.read('crd', undefined, () => kube.get({ resource: Crds, name: CRD_NAME })),
      list('policies', AdmissionPolicies),
      list('policies', PolicyBindings),
      reader.read('lease', undefined, named(Leases, LEADER_LEASE)),
      reader.read('certificate', undefined, () => readCertificate(kube, home, deployment, settings)),
      readRights(request, reader, settings),
      readWorld(kube, scope, reader),
      reader.read('networkPolicies', [], () => listAll(kube, NetworkPolicies, places)),
    ]);
  const discovery = discover(read.world, discoverySettings(settings));
  const known = { ...read, discovery };
  const trial =
    when === 'before'
      ? ({ kind: 'none' } as const)
      : await reader.read('trial', { kind: 'none' }, () => tryPod(trials, known));
  return {
    ...{ when, settings, settingsProblem, commandVersion, nowMs: request.nowMs(), unread: reader.unread },
    ...{ serverVersion, crd, deployment, policies, policyBindings, lease, certificatePem, trial },
    ...rights,
    ...known,
    networkPolicies: networkPolicies.map(readPolicy),
  };
}

/** Notes what cannot be read, and goes on; but for a cluster that cannot be reached at all. */
class Reader {
  readonly unread = new Map<FactSource, string>();

  async read<T>(source: FactSource, instead: T, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KubeError) || error.status === 0 || error.status === 401) throw error;
      this.unread.set(source, whyNot(error));
      return instead;
    }
  }
}

/** Which right is missing, as the API server says it; otherwise what it said. */
function whyNot({ status, message }: KubeError): string {
  const [, right] = /cannot (\w+ resource .*)$/s.exec(message) ?? [];
  return status === 403 && right !== undefined ? `you may not ${right}` : message;
}

/** All that the queries find; nothing where the API server does not know the kind. */
async function listAll(kube: Kube, resource: Resource, queries: readonly ListQuery[]): Promise<KubeObject[]> {
  try {
    const lists = await Promise.all(queries.map((query) => kube.list(resource, query)));
    return lists.flatMap(({ items }) => items);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

/** Of the Secret that the replicas serve from, the certificate alone. */
async function readCertificate(
  kube: Kube,
  namespace: string,
  deployment: Fields | undefined,
  { certDir }: Settings,
): Promise<string | undefined> {
  const name = certDir === '' ? CERT_SECRET : mountedSecret(deployment, certDir);
  if (name === undefined) return undefined;
  const secret = await kube.get({ resource: Secrets, namespace, name });
  const text = textOf(fieldsOf(secret?.data)['tls.crt']);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

/** The Secret whose files stand in `folder`. */
function mountedSecret(deployment: Fields | undefined, folder: string): string | undefined {
  if (!deployment) return undefined;
  const mount = listOf(containerOf(deployment).volumeMounts).find(({ mountPath }) => mountPath === folder);
  const volumes = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).volumes);
  const volume = volumes.find(({ name }) => name === mount?.name);
  return textOf(fieldsOf(volume?.secret).secretName);
}

/** So many reviews are asked for at a time. */
const REVIEWS_AT_ONCE = 8;

async function readRights({ kube, when }: Request, reader: Reader, settings: Settings) {
  const { namespace } = settings;
  const lacking = (source: FactSource, rights: readonly Right[], resource: Resource, account?: string) =>
    reader.read(source, [], async () => {
      const missing: Right[] = [];
      for (let first = 0; first < rights.length; first += REVIEWS_AT_ONCE) {
        const some = rights.slice(first, first + REVIEWS_AT_ONCE);
        const answers = await Promise.all(
          some.map((right) => kube.create(resource, reviewOf(right, account))),
        );
        missing.push(...some.filter((_, index) => fieldsOf(answers[index]?.status).allowed !== true));
      }
      return missing;
    });
  const isBefore = when === 'before';
  return {
    installRightsMissing: isBefore
      ? await lacking('installRights', installRights(namespace), OwnReviews)
      : [],
    accountRightsMissing: isBefore
      ? []
      : await lacking('accountRights', accountRights(settings), AccountReviews, namespace),
  };
}

type Read = Pick<Facts, 'world' | 'services' | 'webhooks' | 'templateOwners'>;

/** Of webhooks all are read, since others matter too; of StatefulSets also who manages what. */
const QUERIES_OF: Readonly<Record<string, (queries: readonly ListQuery[]) => readonly ListQuery[]>> = {
  mutatingwebhookconfigurations: () => [{}],
  statefulsets: (queries) => queries.map((query) => ({ ...query, unmanaged: false })),
};

/** The World, kind by kind. */
async function readWorld(kube: Kube, scope: Scope, reader: Reader): Promise<Read> {
  const stores = createStores();
  const raw = new Map<string, KubeObject[]>();
  const readKind = async ({ resource, queries, store, keyOf, project }: Kind<unknown>) => {
    const { plural } = resource;
    const items = await reader.read(plural as WorldSource, [], () =>
      listAll(kube, resource, QUERIES_OF[plural]?.(queries) ?? queries),
    );
    raw.set(plural, items);
    for (const item of items) store.set(keyOf(item), project(item));
  };
  await Promise.all([...validatorSources(scope, stores), ...namedSources(scope, stores)].map(readKind));
  return {
    world: worldOf(stores),
    services: raw.get('services') ?? [],
    webhooks: raw.get('mutatingwebhookconfigurations') ?? [],
    templateOwners: (raw.get('statefulsets') ?? []).flatMap(templateOwnersOf),
  };
}
