/**
 * Chooses cluster and credentials by the rules of kubectl (client-go's clientcmd): from files, flags and the pod's own
 * ServiceAccount. The client library itself merges files in another order, and drops fields that kubectl knows.
 */
import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';
import { OwnConfig, pluginCredentials, tokenFile } from './kubeconfig-auth.ts';
import {
  contentOf,
  type Env,
  entryOf,
  fileIn,
  type Merged,
  mergedOf,
  type NamedFields,
  textIn,
  usualFiles,
  whatThereIs,
} from './kubeconfig-files.ts';
import { KubeConfigError } from './port.ts';
import { PROXY_NAMED_IN, proxyOf, withoutPassword } from './proxy.ts';

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The flags of a command about the cluster. Each takes precedence over the files. */
export interface Choice {
  /** A kubeconfig file in place of the usual files. */
  readonly path?: string | undefined;
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly server?: string | undefined;
  /** The user to impersonate. */
  readonly as?: string | undefined;
  /** The environment with KUBECONFIG, HOME and the address of the API server. */
  readonly env?: Env;
  /** The clock by which the credentials of a plugin expire. */
  readonly nowMs?: () => number;
}

/** The cluster of `--kubeconfig`, KUBECONFIG, ~/.kube/config or the ServiceAccount. Throws KubeConfigError. */
export function loadKubeConfig(choice: Choice = {}): KubeConfig {
  const { env = {} } = choice;
  const merged = mergedOf(choice.path === undefined ? usualFiles(env) : [choice.path], choice.context);
  const isEmpty = merged.contexts.size + merged.clusters.size + merged.users.size === 0;
  if (!isEmpty || choice.server !== undefined) return chosenOf(merged, choice);
  if (merged.current === '' && env.KUBERNETES_SERVICE_HOST && existsSync(TOKEN_PATH))
    return ofServiceAccount();
  const files = choice.path ?? env.KUBECONFIG;
  const why = files
    ? `${files} is missing, or names no cluster; use another file`
    : 'set KUBECONFIG, or run in a pod with a ServiceAccount';
  throw new KubeConfigError(`no cluster is configured: ${why}`);
}

function ofServiceAccount(): KubeConfig {
  const found = new KubeConfig();
  found.loadFromCluster();
  const {
    clusters,
    contexts: [own],
  } = found;
  const config = new OwnConfig(tokenFile(TOKEN_PATH));
  // No person has named this context, so messages must not show a name.
  const contexts = [{ ...own, name: '' }];
  config.loadFromOptions({ clusters, contexts, currentContext: '', users: [{ name: own?.user ?? '' }] });
  return config;
}

function chosenOf(merged: Merged, choice: Choice): KubeConfig {
  const { current, contexts } = merged;
  if (current !== '' && !contexts.has(current)) {
    throw new KubeConfigError(`the kubeconfig has no context ${current}; ${whatThereIs('contexts', merged)}`);
  }
  const context = contexts.get(current)?.fields ?? {};
  const cluster = clusterOf(merged, choice.cluster ?? textIn(context, 'cluster'), choice);
  const found = entryOf(merged, 'users', choice.user ?? textIn(context, 'user'));
  const entry = cluster.server.startsWith('https:') ? found : withoutSecrets(found);
  const user = userOf(entry, choice.as);
  const config = new OwnConfig(credentialsOf(entry, cluster, choice), impersonation(entry.fields));
  config.loadFromOptions({
    clusters: [cluster],
    users: [user],
    contexts: [
      {
        ...{ name: current, cluster: cluster.name, user: user.name },
        namespace: textIn(context, 'namespace'),
      } as Context,
    ],
    currentContext: current,
  });
  return config;
}

const PLUGIN_EXTENSION = 'client.authentication.k8s.io/exec';

type OwnCluster = Cluster & { readonly forPlugins: unknown };

/** The cluster with the flags applied. If a flag names the server, the TLS server name of the entry does not apply. */
function clusterOf(merged: Merged, name: string | undefined, choice: Choice): OwnCluster {
  const { fields, folder } = entryOf(merged, 'clusters', name);
  const said = choice.server ?? textIn(fields, 'server');
  if (said === undefined) {
    throw new KubeConfigError(
      name === undefined ? noCluster(merged) : `the kubeconfig says no server for cluster ${name}`,
    );
  }
  const trust = trustOf(fields, folder);
  const server = urlOf(said, (trust.caData ?? trust.caFile ?? trust.skipTLSVerify) ? 'https' : 'http');
  return {
    ...trust,
    ...{ name: name ?? '', server },
    // The client library refuses a server without TLS unless certificate checks are off.
    skipTLSVerify: trust.skipTLSVerify || server.startsWith('http:'),
    tlsServerName: choice.server === undefined ? textIn(fields, 'tls-server-name') : undefined,
    proxyUrl: proxyUrlOf(textIn(fields, 'proxy-url') ?? proxyOf(server, choice.env ?? {})),
    forPlugins: listOf(fields.extensions).find(({ name }) => name === PLUGIN_EXTENSION)?.extension,
  } as OwnCluster;
}

const noCluster = (merged: Merged): string =>
  merged.current === ''
    ? `the kubeconfig has no current context: use --context; ${whatThereIs('contexts', merged)}`
    : `context ${merged.current} of the kubeconfig names no cluster: use --cluster; ${whatThereIs('clusters', merged)}`;

function urlOf(said: string, scheme: string): string {
  const text = said.includes('://') ? said : `${scheme}://${said}`;
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    throw new KubeConfigError(
      `the server ${withoutPassword(said)} of the kubeconfig is no address: https://HOST:PORT is one`,
    );
  }
  return text.replace(/\/$/, '');
}

function proxyUrlOf(said: string | undefined): string | undefined {
  if (said === undefined || (/^(https?|socks\w*):\/\//i.test(said) && URL.canParse(said))) return said;
  throw new KubeConfigError(
    `the proxy ${withoutPassword(said)} is no address: http://HOST:PORT is one; check ${PROXY_NAMED_IN}`,
  );
}

function trustOf(fields: Fields, folder: string) {
  const { data: caData, file: caFile } = pemOf(fields, 'certificate-authority', folder);
  return { caData, caFile, skipTLSVerify: fields['insecure-skip-tls-verify'] === true };
}

/** A PEM field of an entry: the data, or else the content of the file. */
function pemOf(fields: Fields, key: string, folder: string) {
  const data = textIn(fields, `${key}-data`);
  return { data, file: data === undefined ? fileIn(fields, key, folder) : undefined };
}

function userOf({ name, fields, folder }: NamedFields, as: string | undefined): User {
  const cert = pemOf(fields, 'client-certificate', folder);
  const key = pemOf(fields, 'client-key', folder);
  const isInFile = textIn(fields, 'tokenFile') !== undefined;
  return {
    ...{ name, certData: cert.data, certFile: cert.file, keyData: key.data, keyFile: key.file },
    token: isInFile ? undefined : textIn(fields, 'token'),
    username: textIn(fields, 'username'),
    password: textIn(fields, 'password'),
    impersonateUser: as ?? textIn(fields, 'as'),
    authProvider: authProviderOf(name, fields),
  } as User;
}

/** The auth-provider of a user. Only oidc is accepted: the library would run commands for the others, unlike kubectl. */
function authProviderOf(user: string, fields: Fields): unknown {
  const found = fields['auth-provider'] ?? undefined;
  const { name } = fieldsOf(found);
  if (found === undefined || name === 'oidc') return found;
  throw new KubeConfigError(
    `the auth-provider ${name} of user ${user} cannot be used: kubectl has dropped all but oidc, and we know no more; ` +
      'use a plugin (exec)',
  );
}

/** The user's fields without credentials, because we do not send credentials without TLS. kubectl does the same. */
const withoutSecrets = (entry: NamedFields): NamedFields => ({
  ...entry,
  fields: Object.fromEntries(Object.entries(entry.fields).filter(([key]) => /^as(-|$)/.test(key))),
});

function impersonation(fields: Fields): RequestOptions['headers'] {
  const uid = textIn(fields, 'as-uid');
  const groups = textsOf(fields['as-groups']);
  const extra = Object.entries(fieldsOf(fields['as-user-extra']));
  return {
    ...(uid === undefined ? {} : { 'Impersonate-Uid': uid }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups }),
    ...Object.fromEntries(
      extra.map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, textsOf(values)]),
    ),
  };
}

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(written) : []);

/** A value as text: YAML reads a number or a `yes` without quotes as another type. Not `String`, which fails for objects. */
const written = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

/** The credentials of a user. A token file takes precedence over a token, and a token over a plugin. */
function credentialsOf({ fields, folder }: NamedFields, cluster: OwnCluster, { env = {}, nowMs }: Choice) {
  const path = fileIn(fields, 'tokenFile', folder);
  if (path !== undefined) return tokenFile(path);
  const exec = fieldsOf(fields.exec);
  const said = textIn(exec, 'command');
  if (said === undefined || textIn(fields, 'token') !== undefined) return undefined;
  const own = Object.fromEntries(listOf(exec.env).map(({ name, value }) => [written(name), written(value)]));
  return pluginCredentials({
    ...{ exec, args: textsOf(exec.args), env: { ...env, ...own }, nowMs: nowMs ?? (() => 0) },
    // A name without a slash is searched in the PATH.
    command: said.includes('/') ? (fileIn(exec, 'command', folder) ?? said) : said,
    cluster: () => clusterInfo(cluster),
  });
}

function clusterInfo(cluster: OwnCluster): Fields {
  const { server, tlsServerName, caData, caFile, proxyUrl, skipTLSVerify, forPlugins } = cluster;
  const authority =
    caData ?? (caFile === undefined ? undefined : contentOf('certificate-authority', caFile, 'base64'));
  return {
    server,
    'tls-server-name': tlsServerName,
    'insecure-skip-tls-verify': skipTLSVerify || undefined,
    'certificate-authority-data': authority,
    'proxy-url': proxyUrl,
    config: forPlugins ?? null,
  };
}
