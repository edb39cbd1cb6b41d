/**
 * Whether anything but the operator writes whole pod templates of validators: a tool that replaces them takes our
 * annotation away with each sync, which rolls all of them at once. Pure.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { keyOf } from '../../peers/world.ts';
import { type Check, type CheckVerdict, ok, some, warning } from './check.ts';
import type { Facts, TemplateOwner } from './facts.ts';

/** The field manager of the operator that makes the StatefulSets. */
const OPERATOR = 'stellar-operator';

/** True where this entry of `managedFields` (FieldsV1) owns containers of the template. */
function ownsTemplate({ fieldsV1, subresource }: Fields): boolean {
  const template = fieldsOf(fieldsOf(fieldsOf(fieldsV1)['f:spec'])['f:template']);
  return subresource === undefined && fieldsOf(template['f:spec'])['f:containers'] !== undefined;
}

/** Every manager beside the operator that owns containers of the template of a raw StatefulSet. */
export function templateOwnersOf({ metadata: raw }: Fields): TemplateOwner[] {
  const metadata = fieldsOf(raw);
  const statefulSet = keyOf(textOf(metadata.namespace) ?? '', textOf(metadata.name) ?? '');
  const managers = listOf(metadata.managedFields)
    .filter(ownsTemplate)
    .map(({ manager }) => textOf(manager) ?? '');
  // A single owner is the one that makes it, whatever its name is.
  if (managers.length < 2) return [];
  return managers.filter((manager) => manager !== OPERATOR).map((manager) => ({ statefulSet, manager }));
}

function evaluate({ templateOwners, discovery }: Facts): CheckVerdict {
  const ours = new Set([...discovery.statefulSetOf.values()].map(({ key }) => key));
  const found = templateOwners.filter(({ statefulSet }) => ours.has(statefulSet));
  if (found.length === 0) return ok('written by their operator alone');
  const managers = [...new Set(found.map(({ manager }) => manager))];
  const sets = [...new Set(found.map(({ statefulSet }) => statefulSet))];
  return warning(`${some(managers)} also writes those of ${some(sets)}`);
}

export const TEMPLATE_OWNERS_CHECK: Check = {
  id: 'template-owners',
  category: 'Validators',
  title: 'pod templates',
  looks: 'whether a tool beside the operator writes whole pod templates of validators',
  hint: 'let the tool manage StellarNodes only; one that replaces StatefulSets restarts all of them at each sync (docs/operations.md#gitops)',
  when: 'both',
  needs: ['statefulsets', 'stellarnodes'],
  evaluate,
};
