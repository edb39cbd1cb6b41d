/**
 * The settings of the running Deployment, read from the cluster: what a command says about waits must be what the
 * leader waits for, whatever the environment of the caller.
 */

import { readSettings, SETTING_NAMES, type Settings, SettingsError } from '../app/settings.ts';
import { type Fields, fieldsOf, listOf, stringsOf, textOf } from '../peers/field.ts';
import { COMPONENT, PEERS_CONFIGMAP } from '../peers/names.ts';
import { rightDomainIn } from '../reconciler/plan/publish/overview.ts';
import { hasStatus, type Kube } from '../runtime/kube/port.ts';
import { ConfigMaps, Deployments } from '../runtime/kube/resources.ts';
import { ProblemError } from './exit.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Settings, and sentences for the user about where they come from. */
interface FoundSettings {
  readonly settings: Settings;
  readonly notes: readonly string[];
}

/** Where to look, what to take if there is nothing to be read, and what stands above both. */
interface SettingsSources {
  readonly namespace: string;
  readonly env: Env;
  readonly overrides?: Env;
}

/**
 * The settings in force. Rejects with KubeError where the cluster does not answer, with SettingsError where the
 * environment is wrong, with ProblemError where the Deployment's settings are none that this version knows.
 */
export async function settingsInForce(kube: Kube, sources: SettingsSources): Promise<FoundSettings> {
  const { namespace, env, overrides = {} } = sources;
  const own = { POD_NAMESPACE: namespace };
  const deployed = await readDeployed(kube, namespace);
  if ('missing' in deployed) {
    const note = `${deployed.missing}: what follows is by the settings of this command's own environment.`;
    return { settings: readSettings({ ...env, ...own, ...overrides }), notes: [note] };
  }
  const unread = deployed.unread.filter((name) => SETTING_NAMES.includes(name));
  try {
    readSettings({ ...deployed.env, ...own });
  } catch (cause) {
    if (!(cause instanceof SettingsError)) throw cause;
    throw new ProblemError(
      `the Deployment ${namespace}/${COMPONENT} has a setting that this version does not take: ${cause.message}`,
      { cause },
    );
  }
  const overview = await overviewIn(kube, namespace);
  const CLUSTER_DOMAIN = deployed.env.CLUSTER_DOMAIN || publishedDomain(overview);
  const settings = readSettings({ ...deployed.env, CLUSTER_DOMAIN, ...own, ...overrides });
  const wrong = wrongDomain(settings, overview);
  const notes = [
    ...(unread.length === 0
      ? []
      : [`${unread.join(', ')} of the Deployment cannot be read from here; the defaults are taken.`]),
    ...(wrong === undefined ? [] : [`${wrong}. Unset it (with Helm or GitOps, there): ${UNSET_DOMAIN}`]),
  ];
  return { settings, notes };
}

type Data = Readonly<Record<string, string>>;

/** What the leader publishes of itself; undefined where there is nothing, or no right to read it. */
async function overviewIn(kube: Kube, namespace: string): Promise<Data | undefined> {
  return configMapData(kube, namespace, PEERS_CONFIGMAP).catch((error: unknown) => {
    if (hasStatus(error, 403)) return undefined;
    throw error;
  });
}

/** The domain of the cluster that the replicas have found out, by the names that they publish. */
const publishedDomain = (overview: Data | undefined): string | undefined =>
  /"dns":\s*"[^"]*\.svc\.([a-z0-9]([-a-z0-9.]*[a-z0-9])?)"/.exec(overview?.['networks.json'] ?? '')?.[1];

/** The variables of the Deployment, and the names of those whose values are elsewhere. */
interface Deployed {
  readonly env: Env;
  readonly unread: readonly string[];
}

async function readDeployed(kube: Kube, namespace: string): Promise<Deployed | { readonly missing: string }> {
  const what = `Deployment ${namespace}/${COMPONENT}`;
  try {
    const found = await kube.get({ resource: Deployments, namespace, name: COMPONENT });
    if (!found) return { missing: `There is no ${what}` };
    return await environmentOf(kube, namespace, containerOf(found));
  } catch (error) {
    if (hasStatus(error, 403)) return { missing: `You may not read ${what}` };
    throw error;
  }
}

/** The container that runs us; the only one, where it has another name. */
export function containerOf(deployment: Fields): Fields {
  const containers = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).containers);
  return containers.find(({ name }) => name === COMPONENT) ?? containers[0] ?? {};
}

/** The tag of a Deployment's image, which says the version; undefined where there is none. */
export function versionOf(deployment: Fields): string | undefined {
  const image = textOf(containerOf(deployment).image) ?? '';
  return /:([^/:]+)$/.exec(image.replace(/@.*$/, ''))?.[1];
}

/** As the kubelet would make it: first envFrom, then env, the later over the earlier. */
async function environmentOf(kube: Kube, namespace: string, container: Fields): Promise<Deployed> {
  const env: Record<string, string | undefined> = {};
  const unread: string[] = [];
  for (const { prefix, configMapRef } of listOf(container.envFrom)) {
    const data = await configMapData(kube, namespace, textOf(fieldsOf(configMapRef).name));
    for (const [key, value] of Object.entries(data ?? {})) env[`${textOf(prefix) ?? ''}${key}`] = value;
  }
  for (const { name, value, valueFrom } of listOf(container.env)) {
    const variable = textOf(name) ?? '';
    const { configMapKeyRef } = fieldsOf(valueFrom);
    const { name: map, key } = fieldsOf(configMapKeyRef);
    const found =
      configMapKeyRef === undefined
        ? textOf(value)
        : (await configMapData(kube, namespace, textOf(map)))?.[textOf(key) ?? ''];
    if (found === undefined && valueFrom !== undefined && !OF_THE_POD.has(variable)) unread.push(variable);
    env[variable] = found;
  }
  return { env, unread };
}

/** What each pod is told of itself; nothing that is decided depends on it. */
const OF_THE_POD: ReadonlySet<string> = new Set(['POD_NAMESPACE', 'POD_NAME']);

async function configMapData(
  kube: Kube,
  namespace: string,
  name: string | undefined,
): Promise<Data | undefined> {
  if (name === undefined) return undefined;
  const found = await kube.get({ resource: ConfigMaps, namespace, name });
  return found && stringsOf(found.data);
}

/** What mends it: a replica finds the domain out by itself. */
export const UNSET_DOMAIN = `kubectl -n ${COMPONENT} set env deployment/${COMPONENT} CLUSTER_DOMAIN-`;

/** What is wrong with the domain in use; undefined where nothing is known to be. `overview` is our own ConfigMap's data. */
export function wrongDomain(
  { clusterDomain }: Settings,
  overview: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const right = rightDomainIn(overview);
  if (right === undefined || right === clusterDomain) return undefined;
  return `CLUSTER_DOMAIN is ${clusterDomain}, where the leader can resolve no name; its pod is told ${right}`;
}
