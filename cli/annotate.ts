/**
 * How commands change the cluster: they set one annotation on some objects, after the person at the terminal has agreed.
 */
import { keyOf, type World } from '../peers/world.ts';
import type { Kube, PatchOperation } from '../runtime/kube/port.ts';
import { type ObjectRef, StellarNodes } from '../runtime/kube/resources.ts';
import type { Call } from './command.ts';
import { ProblemError } from './exit.ts';

/** The annotation to set; without a value, the annotation is removed. */
export interface AnnotationChange {
  readonly name: string;
  readonly value: string | undefined;
}

/** Writes the annotation on one object after the other. Rejects with KubeError at the first failure; earlier writes stay. */
export async function annotate(
  kube: Kube,
  refs: readonly ObjectRef[],
  wanted: AnnotationChange,
): Promise<void> {
  for (const ref of refs) {
    const found = await kube.get(ref);
    if (!found) throw new ProblemError(`there is no ${titleOf(ref)}`);
    const operations = operationsFor(found.metadata.annotations, wanted);
    if (operations.length > 0) await kube.patch(ref, operations);
  }
}

const PATH = '/metadata/annotations';

function operationsFor(
  annotations: Readonly<Record<string, string>> | undefined,
  { name, value }: AnnotationChange,
): PatchOperation[] {
  const path = `${PATH}/${name.replace('/', '~1')}`;
  if (value === undefined) {
    return annotations?.[name] === undefined ? [] : [{ op: 'remove', path }];
  }
  return annotations === undefined
    ? [{ op: 'add', path: PATH, value: { [name]: value } }]
    : [{ op: 'add', path, value }];
}

/** The StellarNodes with these names. Throws ProblemError for a name that no validator has. */
export function validatorRefs({ nodes }: World, namespace: string, names: readonly string[]): ObjectRef[] {
  const keys = names.map((name) => keyOf(namespace, name));
  const unknown = keys.filter((key) => nodes.get(key)?.kind !== 'validator');
  if (unknown.length > 0) throw new ProblemError(`no such validator: ${unknown.join(', ')}`);
  return names.map((name) => ({ resource: StellarNodes, namespace, name }));
}

/** The object's name for use in a sentence. */
export const titleOf = ({ resource: { kind }, namespace, name }: ObjectRef): string =>
  `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;

/** Shows what is about to happen; true if the person agrees. Rejects with UsageError where there is no terminal. */
export async function isConfirmed(text: string, { flags, terminal }: Call, where: string): Promise<boolean> {
  terminal.say(`Cluster: ${where}.`);
  terminal.say(text);
  if (flags.yes || (await terminal.ask('Go on? [y/N] '))) return true;
  terminal.say('Nothing was changed.');
  return false;
}
