/** The ServiceAccount of pods: its files in their mounts, and its tokens in the API server's audit log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Running, rootOf } from './confinement.ts';

const ACCOUNT = 'var/run/secrets/kubernetes.io/serviceaccount';

const read = (container: Running, name: string): string =>
  readFileSync(join(rootOf(container), ACCOUNT, name), 'utf8');

/** The CAs by which a container verifies the API server, as PEM. */
export const authoritiesOf = (container: Running): string => read(container, 'ca.crt');

/** The name that the API server gives the token which a container now finds in its mount. */
export function tokenNameOf(container: Running): string {
  const [, claims = ''] = read(container, 'token').split('.');
  const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string };
  return `JTI=${jti}`;
}

interface AuditLine {
  readonly user?: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly requestReceivedTimestamp?: string;
}

interface TokenUse {
  readonly pod: string;
  readonly token: string;
  readonly atMs: number;
}

const EXTRA = 'authentication.kubernetes.io/';

/** The pod and the token of each request, from the audit log of the API server in the cluster's folder. */
export function tokenUses(folder: string): TokenUse[] {
  const text = readFileSync(join(folder, 'logs/audit.log'), 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
  return lines.map((line) => {
    const { user, requestReceivedTimestamp = '' } = JSON.parse(line) as AuditLine;
    const [pod = ''] = user?.extra?.[`${EXTRA}pod-name`] ?? [];
    const [token = ''] = user?.extra?.[`${EXTRA}credential-id`] ?? [];
    return { pod, token, atMs: Date.parse(requestReceivedTimestamp) };
  });
}
