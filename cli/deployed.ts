/** Reads the settings of the Deployment: a command plans with those of the leader, not of its caller. */
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

interface SettingsSources {
  readonly namespace: string;
  /** Used if the Deployment cannot be read. */
  readonly env: Env;
  /** Take precedence over all other values. */
  readonly overrides?: Env;
}

/**
 * The settings in force. Rejects with KubeError if the cluster does not answer, with SettingsError if the environment is
 * wrong, with ProblemError if this version does not accept the Deployment's settings.
 */
export async function settingsInForce(kube: Kube, sources: SettingsSources): Promise<FoundSettings> {
  const { namespace, env, overrides = {} } = sources;
  const own = { POD_NAMESPACE: namespace };
  const deployed = await readDeployed(kube, namespace);
  if ('missing' in deployed) {
    const note = `${deployed.missing}, so this command uses the settings of its own environment.`;
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
      : [`${unread.join(', ')} of the Deployment cannot be read from here, so the defaults are used.`]),
    ...(wrong === undefined
      ? []
      : [`${wrong}. Unset CLUSTER_DOMAIN (with Helm or GitOps, in the values or in Git): ${UNSET_DOMAIN}`]),
  ];
  return { settings, notes };
}

type Data = Readonly<Record<string, string>>;

/** The data of the leader's overview ConfigMap; undefined if it does not exist or may not be read. */
async function overviewIn(kube: Kube, namespace: string): Promise<Data | undefined> {
  return configMapData(kube, namespace, PEERS_CONFIGMAP).catch((error: unknown) => {
    if (hasStatus(error, 403)) return undefined;
    throw error;
  });
}

/** The DNS domain of the cluster, taken from the names that the leader has published. */
const publishedDomain = (overview: Data | undefined): string | undefined =>
  /"dns":\s*"[^"]*\.svc\.([a-z0-9]([-a-z0-9.]*[a-z0-9])?)"/.exec(overview?.['networks.json'] ?? '')?.[1];

interface Deployed {
  readonly env: Env;
  /** Names of variables whose values cannot be read here, such as those from a Secret. */
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

/** The container of stellar-peers in the Deployment; the first container if none has that name. */
export function containerOf(deployment: Fields): Fields {
  const containers = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).containers);
  return containers.find(({ name }) => name === COMPONENT) ?? containers[0] ?? {};
}

/** The version, which is the tag of the Deployment's image; undefined if the image has no tag. */
export function versionOf(deployment: Fields): string | undefined {
  const image = textOf(containerOf(deployment).image) ?? '';
  return /:([^/:]+)$/.exec(image.replace(/@.*$/, ''))?.[1];
}

/** The environment as the kubelet makes it: first envFrom, then env. A later entry replaces an earlier one. */
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
    if (found === undefined && valueFrom !== undefined && !POD_VARIABLES.has(variable)) unread.push(variable);
    env[variable] = found;
  }
  return { env, unread };
}

/** Variables that each pod sets from its own metadata. No decision depends on them. */
const POD_VARIABLES: ReadonlySet<string> = new Set(['POD_NAMESPACE', 'POD_NAME']);

async function configMapData(
  kube: Kube,
  namespace: string,
  name: string | undefined,
): Promise<Data | undefined> {
  if (name === undefined) return undefined;
  const found = await kube.get({ resource: ConfigMaps, namespace, name });
  return found && stringsOf(found.data);
}

/** The command that corrects a wrong domain: if the setting is not set, a replica finds the domain by itself. */
export const UNSET_DOMAIN = `kubectl -n ${COMPONENT} set env deployment/${COMPONENT} CLUSTER_DOMAIN-`;

/** Why the domain in use is wrong; undefined if it is not known to be wrong. `overview` is our own ConfigMap's data. */
export function wrongDomain(
  { clusterDomain }: Settings,
  overview: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const right = rightDomainIn(overview);
  if (right === undefined || right === clusterDomain) return undefined;
  return `CLUSTER_DOMAIN is ${clusterDomain}, where the leader can resolve no name; its pod is told ${right}`;
}
