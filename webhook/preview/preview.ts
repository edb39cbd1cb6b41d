/**
 * Computes offline what admission would do to a pod, for `stellar-peers preview -f pod.yaml`.
 */
import { parseAllDocuments, stringify } from 'yaml';
import { type Fields, fieldsOf, listOf, stringsOf, textOf } from '../../peers/field.ts';
import { decideMerge } from '../../peers/injection/merge.ts';
import { startedWith } from '../../peers/injection/started-with.ts';
import { LABEL_NODE_TYPE, NODE_TYPE_VALIDATOR } from '../../peers/names.ts';
import { mainContainerOf, podShapeOf } from '../../peers/read/pod-shape.ts';
import { describeReason, type Reason } from '../../peers/reasons/reasons.ts';
import type { PatchOperation } from '../../runtime/kube/port.ts';
import { applied } from '../patch/applied.ts';
import { EMPTY_STAMP } from '../patch/patch.ts';
import { admit, MERGE_DEFAULTS, type Outcome } from '../review/admit.ts';
import { ownerRefOf } from '../review/owner.ts';
import { lineDiff } from './line-diff.ts';

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
  readonly title: string;
  /** The validator; empty for a pod that names none. The webhook is never asked about such a pod. */
  readonly node: string;
  /** The result, as in the label of the metric of reviews. */
  readonly result: string;
  readonly notes: readonly string[];
  /** JSON Patch (RFC 6902). */
  readonly patch: readonly PatchOperation[];
  readonly before: Fields;
  readonly after: Fields;
}

/**
 * Previews each Pod and StatefulSet in `yaml`, also those in a List. `node` names the validator if the file does not.
 * Throws PreviewError.
 */
export const previews = (
  yaml: string,
  options: { readonly node?: string | undefined } = {},
): readonly Preview[] => subjectsOf(yaml).map((subject) => previewOf(subject, options.node));

function previewOf({ title, pod, ...found }: Subject, named: string | undefined): Preview {
  const node = named ?? found.node ?? '';
  const base = { title, node, before: pod };
  if (!isAskedAbout(pod)) return { ...base, result: NEVER_ASKED, notes: [], patch: [], after: pod };
  if (node === '') {
    throw new PreviewError(`${title} does not say which validator it belongs to: name it with --node.`);
  }
  const outcome = admit(pod, { node, optedOut: false, stamp: EMPTY_STAMP });
  const { result, operations: patch } = outcome;
  const after = patch.length > 0 ? applied(pod, patch) : pod;
  return { ...base, result, notes: notesOf(pod, outcome), patch, after };
}

const NEVER_ASKED = 'never asked';

const isAskedAbout = (pod: Fields): boolean =>
  stringsOf(fieldsOf(pod.metadata).labels)[LABEL_NODE_TYPE] === NODE_TYPE_VALIDATOR;

/** The preview as text for people: what would become of the pod, notes, and the lines that would differ. */
export function renderPreview({ title, node, result, notes, patch, before, after }: Preview): string {
  const diff = patch.length > 0 ? ['', lineDiff(folded(before), folded(after))] : [];
  const subject = node === '' ? title : `${title}, pod of validator ${node}`;
  const head = `${subject}: ${outcomeOf(result)}`;
  return `${[head, ...notes, ...diff].join('\n').trimEnd()}\n`;
}

/** A text with more lines, such as a script, is folded. */
const LINES_MAX = 5;

const folded = (pod: Fields): string =>
  stringify(pod, (_, value: unknown) => {
    const lines = typeof value === 'string' ? value.split('\n').length : 0;
    return lines > LINES_MAX ? `(${lines} lines; -o yaml shows them)` : value;
  });

function subjectsOf(yaml: string): Subject[] {
  const documents = parseAllDocuments(yaml);
  const [problem] = documents.flatMap((document) => document.errors);
  // Further lines of the message show the place in the text, for which the first has the numbers.
  const [said = ''] = problem?.message.split(/:?\n/) ?? [];
  if (problem) throw new PreviewError(`The file is not valid YAML: ${said}`, { cause: problem });
  const objects = documents
    .map(plainOf)
    .flatMap((object) => (object.kind === 'List' ? listOf(object.items) : [object]));
  const found = objects.filter(({ kind }) => kind === 'Pod' || kind === 'StatefulSet');
  if (found.length > 0)
    return found.map((object) => (object.kind === 'Pod' ? podSubject(object) : statefulSetSubject(object)));
  const node = objects.find(({ kind }) => kind === 'StellarNode');
  throw new PreviewError(node ? fromNode(node) : 'The file holds neither a Pod nor a StatefulSet.');
}

function plainOf(document: { toJS(): unknown }): Fields {
  try {
    return fieldsOf(document.toJS());
  } catch (cause) {
    throw new PreviewError('The file has more YAML aliases than are read.', { cause });
  }
}

function fromNode({ metadata }: Fields): string {
  const found = fieldsOf(metadata);
  const [namespace, name] = [textOf(found.namespace) ?? 'default', textOf(found.name) ?? 'NAME'];
  return (
    'The file holds a StellarNode, of which its operator makes a StatefulSet: ' +
    `kubectl -n ${namespace} get sts ${name} -o yaml | stellar-peers preview -f -`
  );
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

function outcomeOf(result: string): string {
  if (result === 'patched') return 'it would be injected.';
  if (result === NEVER_ASKED)
    return `it would not be injected, since without the label ${LABEL_NODE_TYPE}=${NODE_TYPE_VALIDATOR} we are never asked about it.`;
  return result === 'unchanged'
    ? 'it is injected already; nothing would change.'
    : 'it would not be injected.';
}

function notesOf(pod: Fields, { result, operations, warnings }: Outcome): string[] {
  const about = [
    ...(result === 'skipped:OptedOut' ? [describeReason({ code: 'OptedOut' })] : []),
    ...warnings.map((warning: Reason) => describeReason(warning)),
  ];
  if (operations.length === 0) return about;
  return [
    ...about,
    ...unreadNotes(pod),
    'In a cluster the annotations name the peers published at that time; here: none.',
  ];
}

/** Notes on a container that may read another file than the one that gets the peers. */
function unreadNotes(pod: Fields): string[] {
  const shape = podShapeOf(pod);
  const main = mainContainerOf(shape);
  const merge = main && decideMerge(shape, main, { annotation: undefined, mode: MERGE_DEFAULTS.mode });
  if (!main || merge?.kind !== 'merge') return [];
  const file = `${merge.path}/${merge.file}`;
  const notes = {
    this: [],
    another: [
      `Its command or args name another configuration: it does not read ${file}, which gets the peers.`,
    ],
    unknown: [
      `Its command and args name no configuration: its image must start stellar-core with --conf ${file}.`,
    ],
  };
  return notes[startedWith(main, file)];
}
