/** The audit log of the API server: the requests of ServiceAccounts and their answers, and the audit policy. */
import { readFile } from 'node:fs/promises';

export interface AuditEntry {
  readonly stage: string;
  readonly atMs: number;
  readonly user: string;
  readonly userAgent: string;
  readonly verb: string;
  readonly requestURI: string;
  /** API group of the resource, '' for the core's. */
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status; 0 where there is none. */
  readonly code: number;
  /** The API server's words on a refusal. */
  readonly message: string;
}

/** Metadata of every request by a ServiceAccount; the cluster's own controllers are left out. */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
  ],
};

interface AuditEvent {
  readonly stage?: string;
  readonly stageTimestamp?: string;
  readonly user?: { readonly username?: string };
  readonly userAgent?: string;
  readonly verb?: string;
  readonly requestURI?: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

function readEvent(line: string): AuditEntry {
  const event = JSON.parse(line) as AuditEvent;
  const object = event.objectRef ?? {};
  return {
    stage: event.stage ?? '',
    atMs: Date.parse(event.stageTimestamp ?? ''),
    user: event.user?.username ?? '',
    userAgent: event.userAgent ?? '',
    verb: event.verb ?? '',
    requestURI: event.requestURI ?? '',
    group: object.apiGroup ?? '',
    resource: object.resource ?? '',
    subresource: object.subresource ?? '',
    namespace: object.namespace ?? '',
    name: object.name ?? '',
    code: event.responseStatus?.code ?? 0,
    message: event.responseStatus?.message ?? '',
  };
}

/** The entries so far, oldest first: a watch has two, ResponseStarted and (when it ends) ResponseComplete. */
export async function readAudit(path: string): Promise<AuditEntry[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  // The last line may be half written.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map(readEvent);
}

const OUR_ACCOUNTS = 'system:serviceaccount:stellar-peers:';

/** The requests of our own ServiceAccount, whichever client it used. */
export const ourRequests = (entries: readonly AuditEntry[]): AuditEntry[] =>
  entries.filter(({ user }) => user.startsWith(OUR_ACCOUNTS));

/** True if a request came too late for a namespace that is being deleted. That is no lack of rights. */
const isTooLate = ({ message }: AuditEntry): boolean => message.includes('because it is being terminated');

/**
 * True for a read of the Deployment. Tests run the command under our ServiceAccount, which has no right to read its own
 * Deployment and does not need it. The command then uses the settings of its environment.
 */
const isReadOfDeployment = ({ userAgent, resource, verb }: AuditEntry): boolean =>
  userAgent === 'stellar-peers-cli' && resource === 'deployments' && verb === 'get';

/** A test namespace with an annotation that needs a Role, but without the Role: refusals there are expected. */
export const WITHOUT_ROLE = 'without-role';
const isExpected = ({ requestURI }: AuditEntry): boolean =>
  requestURI.startsWith(`/api/v1/namespaces/${WITHOUT_ROLE}/configmaps/`);

/** Our requests that were refused. At the end of a suite, each shows a missing RBAC rule or a policy that is too strict. */
export const ourRefusals = (entries: readonly AuditEntry[]): string[] =>
  ourRequests(entries)
    .filter(
      (entry) => entry.code === 403 && !isTooLate(entry) && !isReadOfDeployment(entry) && !isExpected(entry),
    )
    .map(({ verb, requestURI, message }) => `${verb} ${requestURI}: ${message}`);
