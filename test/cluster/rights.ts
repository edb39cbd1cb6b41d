/** The rights that manifests grant to ServiceAccounts, and the rights that requests have used. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { AuditEntry } from './audit.ts';

/** One verb on one resource: on the object `name`, or on all; in `namespace`, or in all namespaces. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const rightsOfRule = (rule: Rule, namespace: string | undefined): Right[] =>
  rule.apiGroups.flatMap((group) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        (rule.resourceNames ?? [undefined]).map((name) => ({ verb, group, resource, name, namespace })),
      ),
    ),
  );

interface Binding {
  readonly metadata: { readonly namespace?: string };
  readonly roleRef: { readonly kind: string; readonly name: string };
}

/** Every right that the bindings among these objects grant. */
export function rightsIn(objects: readonly KubeObject[]): Right[] {
  const bindings = objects.filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding');
  return bindings.flatMap((object) => {
    const { metadata, roleRef } = object as unknown as Binding;
    const role = objects.find(
      ({ kind, metadata: { name, namespace } }) =>
        kind === roleRef.kind &&
        name === roleRef.name &&
        (kind === 'ClusterRole' || namespace === metadata.namespace),
    );
    return ((role?.rules ?? []) as Rule[]).flatMap((rule) => rightsOfRule(rule, metadata.namespace));
  });
}

export const textOf = ({ verb, group, resource, name, namespace }: Right): string =>
  [
    verb,
    group === '' ? resource : `${resource}.${group}`,
    ...(name === undefined ? [] : [name]),
    `in ${namespace ?? 'all namespaces'}`,
  ].join(' ');

/** The verbs that a request needs: an apply that creates needs two. */
const verbsOf = ({ verb, code }: AuditEntry): string[] =>
  verb === 'patch' && code === 201 ? ['patch', 'create'] : [verb];

const covers = (right: Right, entry: AuditEntry, verb: string): boolean =>
  right.verb === verb &&
  right.group === entry.group &&
  right.resource === (entry.subresource ? `${entry.resource}/${entry.subresource}` : entry.resource) &&
  (right.name === undefined || right.name === entry.name) &&
  (right.namespace === undefined || right.namespace === entry.namespace);

/** Rights that no request has used. */
export const unusedOf = (rights: readonly Right[], entries: readonly AuditEntry[]): string[] =>
  rights
    .filter((right) => !entries.some((entry) => verbsOf(entry).some((verb) => covers(right, entry, verb))))
    .map(textOf)
    .sort();

/** The requests that none of these rights allows. */
export const excessOf = (rights: readonly Right[], entries: readonly AuditEntry[]): string[] => [
  ...new Set(
    entries
      .filter((entry) => verbsOf(entry).some((verb) => !rights.some((right) => covers(right, entry, verb))))
      .map(({ verb, requestURI }) => `${verb} ${requestURI}`),
  ),
];
