/** Finds our annotations with an unknown value or a misspelt key, long before they matter. Pure. */
import { cutText } from '../field.ts';
import {
  ANNOTATION_ADOPT,
  ANNOTATION_BUDGET,
  ANNOTATION_PEER_ADDRESS,
  ANNOTATION_PEER_CONFIG,
  ANNOTATION_PEER_PORT,
  ANNOTATION_QUORUM_UNKNOWN,
  ANNOTATION_ROLL_FOR,
  ANNOTATION_ROLLOUT,
  INJECTION,
  INJECTION_DISABLED,
  PAUSED,
  RELOAD_ANNOTATION,
  ROLL_FOR_VALUES,
  STRATEGIES,
} from '../names.ts';
import { mendOf, type Reason, type ReasonCode, reason, reasonWith } from '../reasons/reasons.ts';
import type { Key, World } from '../world.ts';

type Values = readonly string[] | 'any';

const ROLLOUT: readonly string[] = [...STRATEGIES, PAUSED];
const RELOAD: readonly string[] = ['on', 'off'];

/** The allowed values on a StellarNode. The code that reads the annotation checks those of `any`. */
const ON_NODE: Readonly<Record<string, Values>> = {
  [ANNOTATION_ROLLOUT]: ROLLOUT,
  [ANNOTATION_ROLL_FOR]: ROLL_FOR_VALUES,
  [ANNOTATION_ADOPT]: ['now'],
  [ANNOTATION_BUDGET]: ['uncounted'],
  [INJECTION]: [INJECTION_DISABLED, 'enabled'],
  [ANNOTATION_PEER_PORT]: 'any',
  [ANNOTATION_PEER_ADDRESS]: 'any',
  [ANNOTATION_PEER_CONFIG]: 'any',
  [RELOAD_ANNOTATION]: RELOAD,
};

/** The allowed values on a Namespace; peer-injection is a label there. */
const ON_NAMESPACE: Readonly<Record<string, Values>> = {
  [ANNOTATION_ROLLOUT]: ROLLOUT,
  [ANNOTATION_ROLL_FOR]: ROLL_FOR_VALUES,
  [ANNOTATION_ADOPT]: ['now'],
  [ANNOTATION_QUORUM_UNKNOWN]: ['hold', 'warn', 'read'],
  [RELOAD_ANNOTATION]: RELOAD,
};

const CODES: Readonly<Record<string, ReasonCode>> = {
  [ANNOTATION_ROLLOUT]: 'UnknownStrategy',
  [ANNOTATION_ROLL_FOR]: 'UnknownRollFor',
  [ANNOTATION_BUDGET]: 'UnknownBudget',
};

const LENGTH_MAX = 80;
/** The most reasons for one object: a person corrects one after the other. */
const COUNT_MAX = 5;

type Annotations = Readonly<Record<string, string>>;

export const oddOnNode = (annotations: Annotations): Reason[] =>
  oddIn(annotations, ON_NODE, 'StellarNode NAMESPACE/NAME');
export const oddOnNamespace = (annotations: Annotations): Reason[] =>
  oddIn(annotations, ON_NAMESPACE, 'Namespace NAMESPACE');

function oddIn(annotations: Annotations, known: Readonly<Record<string, Values>>, object: string): Reason[] {
  const odd = Object.entries(annotations).filter(([key, value]) => {
    const values = Object.hasOwn(known, key) ? known[key] : undefined;
    if (values === undefined)
      return key.startsWith('stellar.org/peer') || Object.keys(known).some(isNear(key));
    return values !== 'any' && !values.includes(value);
  });
  return odd.slice(0, COUNT_MAX).map(([key, value]) => {
    const code = Object.hasOwn(known, key) ? CODES[key] : undefined;
    const detail = cutText(`${object.split(' ')[0]}: ${key}=${value}`, LENGTH_MAX);
    // A command would replace the placeholder NAME inside such a key, so no command is offered.
    if (key.includes('NAME')) return reason(code ?? 'UnknownAnnotation', detail);
    return reasonWith(code ?? 'UnknownAnnotation', detail, mendOf(object, key));
  });
}

/** True for two texts that differ in one letter, or only in upper and lower case. One pass: an object has thousands of keys. */
const isNear =
  (a: string) =>
  (b: string): boolean =>
    isOneOff(a, b) || (a.length === b.length && a.toLowerCase() === b.toLowerCase());

/** True if one letter is added, left out or changed: after the first difference, the texts are the same. */
function isOneOff(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  if (a.length === b.length) return at < a.length && a.slice(at + 1) === b.slice(at + 1);
  return a.length > b.length ? a.slice(at + 1) === b.slice(at) : a.slice(at) === b.slice(at + 1);
}

/** The odd annotations of each StellarNode, of its Namespace, and of the ConfigMaps whose annotations are for all. */
export function oddAnnotations({ nodes, namespaces, configMaps }: World): Array<readonly [Key, Reason]> {
  const validators = [...nodes.values()].flatMap((reading) =>
    reading.kind === 'validator' ? [reading.validator] : [],
  );
  const onObjects = validators.flatMap(({ key, namespace, odd }) =>
    [...(namespaces.get(namespace)?.odd ?? []), ...odd].map((why) => [key, why] as const),
  );
  const onMaps = [...configMaps.values()]
    .filter(({ rollout }) => rollout !== undefined && !ROLLOUT.includes(rollout))
    .map(({ key, rollout }) => {
      const object = `ConfigMap ${key}`;
      const command = mendOf(object, ANNOTATION_ROLLOUT);
      return [key, reasonWith('UnknownStrategy', `${object}: ${rollout}`, command)] as const;
    });
  return [...onObjects, ...onMaps];
}
