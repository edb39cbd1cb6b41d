/**
 * Authentication by a kubeconfig as kubectl does it, as far as the client library differs: tokens in files, credential
 * plugins, impersonated groups and uid, and the CAs that the system trusts.
 */
import { spawn } from 'node:child_process';
import type { RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { getCACertificates } from 'node:tls';
import { isatty } from 'node:tty';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { type Fields, fieldsOf, parseJson, textOf, timeOf } from '../../peers/field.ts';
import { contentOf, type Env } from './kubeconfig-files.ts';
import { KubeConfigError } from './port.ts';
import { withoutPassword } from './proxy.ts';

interface Credentials {
  /** Adds the credentials to a request. Rejects with KubeConfigError if there are none. */
  apply(options: RequestOptions): Promise<void>;
  /** Call when the API server has refused the credentials (401), so that the next request gets new ones. */
  forget(): void;
}

/** The library's KubeConfig, extended by the fields that only kubectl knows. */
export class OwnConfig extends KubeConfig {
  readonly #headers: RequestOptions['headers'];
  readonly #credentials: Credentials | undefined;

  constructor(credentials?: Credentials, headers: RequestOptions['headers'] = {}) {
    super();
    this.#credentials = credentials;
    this.#headers = headers;
  }

  override async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    options.headers = { ...this.#headers };
    const { caData, caFile } = this.getCurrentCluster() ?? {};
    if (caData === undefined && caFile === undefined) options.ca = systemAuthorities();
    await this.#credentials?.apply(options);
    await super.applyToHTTPSOptions(options);
  }

  /** Call when the API server has answered with 401. */
  refused(): void {
    this.#credentials?.forget();
  }
}

/** The context, the server and the proxy, as text for an error message. */
export function whereOf(config: KubeConfig): string {
  const { server = '', proxyUrl } = config.getCurrentCluster() ?? {};
  const context = config.getCurrentContext();
  return [
    ...(context === '' ? [] : [`context ${context}`]),
    `server ${withoutPassword(server)}`,
    ...(proxyUrl === undefined ? [] : [`proxy ${withoutPassword(proxyUrl)}`]),
  ].join(', ');
}

let authorities: string | undefined;

/** The CAs to trust if the kubeconfig names none: those of the system, as in kubectl. Undefined for Node's own CAs. */
function systemAuthorities(): string | undefined {
  authorities ??= getCACertificates('system').join('\n');
  return authorities === '' ? undefined : authorities;
}

const bearer = (options: RequestOptions, token: string): void => {
  options.headers = { ...options.headers, authorization: `Bearer ${token}` };
};

/** Credentials by a token in a file. The file is read for each request, so that a new token is used at once. */
export function tokenFile(path: string): Credentials {
  let last = '';
  return {
    apply: async (options) => {
      try {
        last = contentOf('token', path, 'utf8').trim();
      } catch (error) {
        if (last === '') throw error;
      }
      bearer(options, last);
    },
    forget: () => undefined,
  };
}

/** A credential plugin of a kubeconfig, and its input. */
export interface Plugin {
  readonly exec: Fields;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
  /** The cluster in the format of ExecCredential. Called only for a plugin that asks for it (provideClusterInfo). */
  cluster(): Fields;
  nowMs(): number;
}

/** Credentials by a plugin (client-go's exec), kept until they expire or are refused. The plugin may use the terminal. */
export function pluginCredentials(plugin: Plugin): Credentials {
  let got: Promise<Fields> | undefined;
  return {
    apply: async (options) => {
      const isOver = got !== undefined && hasEnded(await got, plugin.nowMs());
      if (isOver) got = undefined;
      got ??= run(plugin);
      got.catch(() => {
        got = undefined;
      });
      const { token, clientCertificateData, clientKeyData } = await got;
      if (typeof token === 'string') bearer(options, token);
      if (typeof clientCertificateData === 'string') options.cert = clientCertificateData;
      if (typeof clientKeyData === 'string') options.key = clientKeyData;
    },
    forget: () => {
      got = undefined;
    },
  };
}

/** True if the credentials have expired. A time that cannot be read counts as past. */
const hasEnded = ({ expirationTimestamp: ends }: Fields, nowMs: number): boolean =>
  ends !== undefined && ends !== null && (timeOf(ends) ?? 0) <= nowMs;

/** The status of the ExecCredential that the plugin prints. */
async function run(plugin: Plugin): Promise<Fields> {
  const { command, exec } = plugin;
  const { apiVersion, kind, status } = fieldsOf(parseJson(await outputOf(plugin)));
  const found = fieldsOf(status);
  const isWhole = typeof found.token === 'string' || typeof found.clientCertificateData === 'string';
  if (kind === 'ExecCredential' && apiVersion === exec.apiVersion && isWhole) return found;
  throw new KubeConfigError(
    `the plugin ${command} printed no ExecCredential of ${textOf(exec.apiVersion) ?? 'a version'} with a token or certificate: run it by itself`,
  );
}

function outputOf({ command, args, env, exec, cluster }: Plugin): Promise<string> {
  const interactive = exec.interactiveMode !== 'Never' && isatty(0);
  if (exec.interactiveMode === 'Always' && !interactive) {
    throw new KubeConfigError(`the plugin ${command} needs input, and there is no terminal`);
  }
  const spec = { ...(exec.provideClusterInfo === true ? { cluster: cluster() } : {}), interactive };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion: exec.apiVersion, spec });
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...env, KUBERNETES_EXEC_INFO: info },
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    });
    const printed = text(child.stdout);
    child.once('error', (cause: NodeJS.ErrnoException) => reject(notRun(command, exec, cause)));
    child.once('close', (code, signal) => {
      const end =
        code === null
          ? `was ended by ${signal} before it gave credentials`
          : `failed with ${code}: its own output above says why`;
      if (code === 0) resolve(printed);
      else reject(new KubeConfigError(`the plugin ${command} ${end}`));
    });
  });
}

function notRun(command: string, { installHint }: Fields, cause: NodeJS.ErrnoException): KubeConfigError {
  const why = cause.code === 'ENOENT' ? 'is not installed' : `cannot be run (${cause.code})`;
  const sentences = [`the plugin ${command} of the kubeconfig ${why}`, textOf(installHint)?.trim()];
  return new KubeConfigError(sentences.filter(Boolean).join('. '), { cause });
}
