/** Checks of pod templates: whether the merged configuration works, and what else writes them. Pure. */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { decideMerge } from '../../peers/injection/merge.ts';
import { startedWith } from '../../peers/injection/started-with.ts';
import { mainContainerOf } from '../../peers/read/pod-shape.ts';
import { describeReason, reason } from '../../peers/reasons/reasons.ts';
import { keyOf } from '../../peers/world.ts';
import { type CategoryCheck, type CheckVerdict, counted, ok, problem, some, warning } from './check.ts';
import type { Facts, TemplateOwner } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

/** The merge of one validator's configuration: why its pod does not start, and what its next pod gets. */
function mergeOf({ validator: { key, config }, statefulSet, pods }: Placed, { settings }: Facts) {
  const template = statefulSet?.template;
  const main = template && mainContainerOf(template);
  const merge = main && decideMerge(template, main, { annotation: config, mode: settings.peerConfig });
  const file = merge?.kind === 'merge' ? `${merge.path}/${merge.file}` : undefined;
  return {
    key,
    blocked: pods.find(({ mergeOutcome }) => mergeOutcome?.code === 'MergeBlocked')?.mergeOutcome,
    noShell: merge?.kind === 'left' && merge.reason.code === 'NoShell' ? merge.reason : undefined,
    file,
    reads: main && file !== undefined ? startedWith(main, file) : undefined,
  };
}

function checkMerged(facts: Facts): CheckVerdict {
  const all = placedOf(facts).map((placed) => mergeOf(placed, facts));
  const keysOf = (found: typeof all) => some(found.map(({ key }) => key));
  const blocked = all.filter((each) => each.blocked);
  if (blocked[0]?.blocked) {
    const why = describeReason(reason('MergeBlocked', blocked[0].blocked.detail));
    return problem(`${keysOf(blocked)} ${blocked.length === 1 ? 'does' : 'do'} not start: ${why}`);
  }
  const bare = all.filter(({ noShell }) => noShell);
  if (bare[0]?.noShell) return warning(`${keysOf(bare)}: ${describeReason(bare[0].noShell)}`);
  const unread = all.filter(({ reads }) => reads === 'another');
  if (unread[0])
    return warning(
      `${keysOf(unread)}: the peers are written into ${unread[0].file}, but stellar-core reads another file`,
    );
  const unknown = all.filter(({ reads }) => reads === 'unknown').length;
  const decided =
    unknown === 0 ? '' : `; for ${counted(unknown, 'StellarNode')} the image decides which file is read`;
  return ok(`no pod is blocked by it${decided}`);
}

const OPERATOR = 'stellar-operator';

/** True if this entry of `managedFields` (FieldsV1) owns containers of the template. */
function ownsTemplate({ fieldsV1, subresource }: Fields): boolean {
  const template = fieldsOf(fieldsOf(fieldsOf(fieldsV1)['f:spec'])['f:template']);
  return subresource === undefined && fieldsOf(template['f:spec'])['f:containers'] !== undefined;
}

/** The managers, other than the operator, that own containers in the template of a raw StatefulSet. */
export function templateOwnersOf({ metadata: raw }: Fields): TemplateOwner[] {
  const metadata = fieldsOf(raw);
  const statefulSet = keyOf(textOf(metadata.namespace) ?? '', textOf(metadata.name) ?? '');
  const managers = listOf(metadata.managedFields)
    .filter(ownsTemplate)
    .map(({ manager }) => textOf(manager) ?? '');
  // A single owner is the creator, whatever its name is.
  if (managers.length < 2) return [];
  return managers.filter((manager) => manager !== OPERATOR).map((manager) => ({ statefulSet, manager }));
}

/** Finds tools that replace templates: they remove our annotation at each sync, which restarts all validators at once. */
function checkOwners({ templateOwners, discovery }: Facts): CheckVerdict {
  const ours = new Set([...discovery.statefulSetOf.values()].map(({ key }) => key));
  const found = templateOwners.filter(({ statefulSet }) => ours.has(statefulSet));
  if (found.length === 0) return ok('written by their operator alone');
  const managers = [...new Set(found.map(({ manager }) => manager))];
  const sets = [...new Set(found.map(({ statefulSet }) => statefulSet))];
  return warning(`${some(managers)} also writes those of ${some(sets)}`);
}

export const TEMPLATE_CHECKS: readonly CategoryCheck[] = [
  {
    id: 'template-owners',
    title: 'pod templates',
    looks: 'whether a tool beside the operator writes whole pod templates of validators',
    hint: 'let the tool manage StellarNodes only; a tool that replaces StatefulSets restarts all validators at each sync (docs/operations.md#gitops)',
    needs: ['world', 'templates'],
    evaluate: checkOwners,
  },
  {
    id: 'merged-configuration',
    title: 'merged configuration',
    looks:
      'init containers `stellar-peers-config` that cannot start, images whose name says that they have no `sh`, containers whose `--conf` is another file',
    hint: 'use an image with sh, or set stellar.org/peer-config to the file that stellar-core reads, or to off, as stellar-peers status says; then delete the pod (docs/how-validators-use-peers.md)',
    needs: ['world'],
    evaluate: checkMerged,
  },
];
