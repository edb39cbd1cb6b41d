/**
 * What admission would do to a pod, offline: for `stellar-peers preview -f pod.yaml`.
 */
import { parseAllDocuments, stringify } from 'yaml';
import { type Fields, fieldsOf, stringsOf, textOf } from '../peers/field.ts';
import { LABEL_NODE_TYPE, NODE_TYPE_VALIDATOR } from '../peers/names.ts';
import { describeReason, type Reason } from '../peers/reasons.ts';
import { admit, type Outcome } from './admit.ts';
import { applied } from './applied.ts';
import { lineDiff } from './line-diff.ts';
import { ownerRefOf } from './owner.ts';
import { EMPTY_STAMP, type PatchOperation } from './patch.ts';

/** An input that cannot be previewed; the message says what is wrong and what to do. */
export class PreviewError extends Error {
  override readonly name = 'PreviewError';
}

/** A pod as it would be created, and the validator it would belong to as far as the file tells. */
interface Subject {
  readonly title: string;
  readonly node: string | undefined;
  readonly pod: Fields;
}

const INSTANCE_LABEL = 'app.kubernetes.io/instance';

/** What admission would do to a pod, for people and for programs. */
export interface Preview {
  /** The object of the file. */
  readonly title: string;
  readonly node: string;
  /** What would become of the review, as the metric of reviews names it. */
  readonly result: string;
  readonly notes: readonly string[];
  /** JSON Patch (RFC 6902). */
  readonly patch: readonly PatchOperation[];
  readonly before: Fields;
  readonly after: Fields;
}

/**
 * What admission would do to the first Pod or StatefulSet in `yaml`. `node` names the validator where the file does
 * not. Throws PreviewError.
 */
export function preview(yaml: string, options: { readonly node?: string | undefined } = {}): Preview {
  const { title, pod, ...found } = subjectOf(yaml);
  const node = options.node ?? found.node;
  if (!node) {
    throw new PreviewError(`${title} does not say which validator it belongs to: name it with --node.`);
  }
  const outcome = admit(pod, { node, optedOut: false, stamp: EMPTY_STAMP });
  const { result, operations: patch } = outcome;
  const after = patch.length > 0 ? applied(pod, patch) : pod;
  return { title, node, result, notes: notes(pod, outcome), patch, before: pod, after };
}

/** The preview as text for people: the verdict, remarks, and the lines that would differ. */
export function renderPreview({
  title,
  node,
  result,
  notes: remarks,
  patch,
  before,
  after,
}: Preview): string {
  const diff = patch.length > 0 ? ['', lineDiff(stringify(before), stringify(after))] : [];
  const head = `${title}, pod of validator ${node}: ${verdictOf(result)}`;
  return `${[head, ...remarks, ...diff].join('\n').trimEnd()}\n`;
}

function subjectOf(yaml: string): Subject {
  const documents = parseAllDocuments(yaml);
  const [problem] = documents.flatMap((document) => document.errors);
  if (problem) throw new PreviewError(`The file is not valid YAML: ${problem.message}`, { cause: problem });
  const objects = documents.map((document) => fieldsOf(document.toJS()));
  const object = objects.find(({ kind }) => kind === 'Pod' || kind === 'StatefulSet');
  if (!object) throw new PreviewError('The file holds neither a Pod nor a StatefulSet.');
  return object.kind === 'Pod' ? podSubject(object) : statefulSetSubject(object);
}

const titleOf = (kind: string, metadata: Fields): string =>
  [kind, [textOf(metadata.namespace), textOf(metadata.name)].filter(Boolean).join('/')].join(' ').trim();

function podSubject(pod: Fields): Subject {
  const metadata = fieldsOf(pod.metadata);
  const node = ownerRefOf(pod, '')?.name ?? stringsOf(metadata.labels)[INSTANCE_LABEL];
  return { title: titleOf('Pod', metadata), node, pod };
}

function statefulSetSubject(statefulSet: Fields): Subject {
  const metadata = fieldsOf(statefulSet.metadata);
  const template = fieldsOf(fieldsOf(statefulSet.spec).template);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: fieldsOf(template.metadata),
    spec: fieldsOf(template.spec),
  };
  return { title: titleOf('StatefulSet', metadata), node: textOf(metadata.name), pod };
}

function verdictOf(result: string): string {
  if (result === 'patched') return 'it would be injected.';
  return result === 'unchanged'
    ? 'it is injected already; nothing would change.'
    : 'it would not be injected.';
}

function notes(pod: Fields, { result, operations, warnings }: Outcome): string[] {
  const isValidator = stringsOf(fieldsOf(pod.metadata).labels)[LABEL_NODE_TYPE] === NODE_TYPE_VALIDATOR;
  return [
    ...(isValidator
      ? []
      : [`Without the label ${LABEL_NODE_TYPE}=${NODE_TYPE_VALIDATOR} we are never asked about it.`]),
    ...(result === 'skipped:OptedOut' ? [describeReason({ code: 'OptedOut' })] : []),
    ...warnings.map((warning: Reason) => describeReason(warning)),
    ...(operations.length > 0
      ? ['In a cluster the annotations name the peers published at that time; here: none.']
      : []),
  ];
}
