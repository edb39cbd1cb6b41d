/** Reads the rights that manifests grant, and their policies, with the reasons in their comments. */
import { isMap, isSeq, parseAllDocuments } from 'yaml';

export interface Granted {
  /** Namespace, or `all`. */
  readonly where: string;
  readonly verbs: readonly string[];
  readonly resources: readonly string[];
  /** The names of the objects; empty for any. */
  readonly names: readonly string[];
  readonly why: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const grantOf = (rule: Rule, where: string, comment: string): Granted => ({
  where,
  verbs: rule.verbs,
  resources: rule.resources,
  names: rule.resourceNames ?? [],
  why: comment
    .split('\n')
    .map((line) => line.trim())
    .join(' '),
});

/** Every rule of every role in this YAML. Throws if a rule has no comment that says why. */
export function rulesIn(text: string): Granted[] {
  return parseAllDocuments(text).flatMap((document) => {
    const rules = document.get('rules');
    if (!isSeq(rules)) return [];
    const where = String(document.getIn(['metadata', 'namespace']) ?? 'all');
    return rules.items.map((item, index) => {
      if (!isMap(item)) throw new Error('a rule that is no map');
      const comment = (item.commentBefore ?? (index === 0 ? rules.commentBefore : undefined))?.trim();
      const rule = item.toJSON() as Rule;
      if (!comment) throw new Error(`no comment says why ${rule.verbs} ${rule.resources} is granted`);
      return grantOf(rule, where, comment);
    });
  });
}

interface PolicyObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly matchConstraints: {
      readonly resourceRules: ReadonlyArray<{ readonly operations: string[]; readonly resources: string[] }>;
    };
    readonly validations: ReadonlyArray<{ readonly message: string }>;
  };
}

/** Every policy in this YAML: the requests that it checks, and its messages. */
export function policiesIn(text: string): Array<{
  readonly name: string;
  readonly what: readonly string[];
  readonly messages: readonly string[];
}> {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as PolicyObject)
    .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
    .map(({ metadata: { name }, spec }) => ({
      name,
      what: spec.matchConstraints.resourceRules.flatMap(({ operations, resources }) =>
        operations.map((operation) => `${operation} ${resources.join()}`),
      ),
      messages: spec.validations.map(({ message }) => message),
    }));
}
