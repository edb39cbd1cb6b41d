/** Label and field selectors of lists and watches, and the selectors inside objects; parsed once per text. */
import type { KubeObject, ListQuery } from '../../runtime/kube/port.ts';
import { fieldsAt } from './frozen.ts';
import { badRequest } from './refusals.ts';

type Labels = Readonly<Record<string, string>>;
type Test<T> = (subject: T) => boolean;

const NO_LABELS: Labels = {};
const SET_BASED = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/;
const EQUALITY = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/;
const PRESENCE = /^(!?)\s*([^=!\s]+)$/;

const all =
  <T>(tests: ReadonlyArray<Test<T>>): Test<T> =>
  (subject) =>
    tests.every((test) => test(subject));

function memoized<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const parsed = known.get(text) ?? parse(text);
    known.set(text, parsed);
    return parsed;
  };
}

/** Splits a selector at the commas outside parentheses. */
const terms = (text: string): string[] =>
  (text.match(/(?:\([^)]*\)|[^,(])+/g) ?? []).map((term) => term.trim()).filter((term) => term !== '');

function parseLabelTerm(term: string): Test<Labels> {
  const [, setKey = '', operator, list = ''] = SET_BASED.exec(term) ?? [];
  if (operator) {
    const values = list.split(',').map((value) => value.trim());
    return (labels) => (setKey in labels && values.includes(labels[setKey] ?? '')) === (operator === 'in');
  }
  const [, key = '', sign, value = ''] = EQUALITY.exec(term) ?? [];
  if (sign) return (labels) => (labels[key] === value) === (sign !== '!=');
  const [, no, present = ''] = PRESENCE.exec(term) ?? [];
  if (!present) throw badRequest(`unable to parse the label selector ${JSON.stringify(term)}`);
  return (labels) => present in labels === (no === '');
}

const parseLabels = memoized((text: string) => all(terms(text).map(parseLabelTerm)));

const FIELDS: Readonly<Record<string, (object: KubeObject) => unknown>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace,
  'spec.nodeName': ({ spec }) => fieldsAt(spec).nodeName ?? '',
  'status.phase': ({ status }) => fieldsAt(status).phase ?? '',
};

function parseFieldTerm(term: string): Test<KubeObject> {
  const [, path = '', sign, value = ''] = EQUALITY.exec(term) ?? [];
  const read = FIELDS[path];
  if (!sign || !read) throw badRequest(`field label not supported: ${term}`);
  return (object) => (read(object) === value) === (sign !== '!=');
}

const parseFields = memoized((text: string) => all(terms(text).map(parseFieldTerm)));

/** Returns the test whether a query selects an object. Throws KubeError 400 for a selector that cannot be parsed. */
export function querySelects({ namespace, labelSelector, fieldSelector }: ListQuery): Test<KubeObject> {
  const tests: Array<Test<KubeObject>> = [];
  if (namespace) tests.push(({ metadata }) => metadata.namespace === namespace);
  if (labelSelector) {
    const selects = parseLabels(labelSelector);
    tests.push(({ metadata }) => selects(metadata.labels ?? NO_LABELS));
  }
  if (fieldSelector) tests.push(parseFields(fieldSelector));
  return all(tests);
}

interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Expression[];
}

function meets({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  if (operator === 'Exists') return key in labels;
  if (operator === 'DoesNotExist') return !(key in labels);
  return (key in labels && values.includes(labels[key] ?? '')) === (operator === 'In');
}

/** True if a `LabelSelector` inside an object selects the labels. An empty selector selects all, an absent one nothing. */
export function objectSelects(raw: unknown, labels: Labels = NO_LABELS): boolean {
  if (raw === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = raw as LabelSelector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => meets(expression, labels))
  );
}
