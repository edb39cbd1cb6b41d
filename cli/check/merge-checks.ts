/**
 * Whether the configurations that we merge keep no validator from starting, and are read. Pure.
 */
import { decideMerge } from '../../peers/injection/merge.ts';
import { startedWith } from '../../peers/injection/started-with.ts';
import { mainContainerOf } from '../../peers/read/pod-shape.ts';
import { describeReason, reason } from '../../peers/reasons/reasons.ts';
import { type Check, type CheckVerdict, ok, problem, some, warning } from './check.ts';
import type { Facts } from './facts.ts';
import { type Placed, placedOf } from './validators.ts';

function checkMerged(facts: Facts): CheckVerdict {
  const placed = placedOf(facts);
  return checkStarted(placed, facts) ?? checkShells(placed, facts) ?? checkRead(placed, facts);
}

function checkStarted(placed: readonly Placed[], { world }: Facts): CheckVerdict | undefined {
  const blocked = placed.flatMap(({ validator, pods }) => {
    const outcomes = pods.map((key) => world.pods.get(key)?.mergeOutcome);
    const outcome = outcomes.find((each) => each?.code === 'MergeBlocked');
    return outcome ? [{ key: validator.key, detail: outcome.detail }] : [];
  });
  const [first] = blocked;
  if (!first) return undefined;
  const verb = blocked.length === 1 ? 'does' : 'do';
  const why = describeReason(reason('MergeBlocked', first.detail));
  return problem(`${some(blocked.map(({ key }) => key))} ${verb} not start: ${why}`);
}

/** Those whose pods start without their peers, since the image is named after having no shell. */
function checkShells(placed: readonly Placed[], facts: Facts): CheckVerdict | undefined {
  const left = placed.flatMap((each) => {
    const decided = decisionFor(each, facts)?.merge;
    return decided?.kind === 'left' && decided.reason.code === 'NoShell'
      ? [[each, decided.reason] as const]
      : [];
  });
  const [first] = left;
  return (
    first && warning(`${some(left.map(([{ validator }]) => validator.key))}: ${describeReason(first[1])}`)
  );
}

function checkRead(placed: readonly Placed[], facts: Facts): CheckVerdict {
  const merged = placed.flatMap((each) => mergedOf(each, facts));
  const unread = merged.filter(({ reads }) => reads === 'another');
  const [first] = unread;
  if (first) {
    const keys = some(unread.map(({ key }) => key));
    return warning(`${keys}: the peers are put into ${first.file}, and another file is read`);
  }
  const unknown = merged.filter(({ reads }) => reads === 'unknown').length;
  const decided = unknown === 0 ? '' : `; of ${unknown} the image decides which file is read`;
  return ok(`no validator waits for it${decided}`);
}

/** What is done for the configuration of the validator's next pod. */
function decisionFor({ validator: { key, config } }: Placed, { discovery, settings }: Facts) {
  const template = discovery.statefulSetOf.get(key)?.template;
  const main = template && mainContainerOf(template);
  return (
    main && { main, merge: decideMerge(template, main, { annotation: config, mode: settings.peerConfig }) }
  );
}

/** The file that the next pod of the validator gets its peers in, and whether that is the one it reads. */
function mergedOf(placed: Placed, facts: Facts) {
  const { main, merge } = decisionFor(placed, facts) ?? {};
  if (merge?.kind !== 'merge' || !main) return [];
  const file = `${merge.path}/${merge.file}`;
  return [{ key: placed.validator.key, file, reads: startedWith(main, file) }];
}

export const MERGE_CHECKS: readonly Check[] = [
  {
    id: 'merged-configuration',
    category: 'Validators',
    title: 'merged configuration',
    looks:
      'init containers `stellar-peers-config` that cannot start, images that are named after having no `sh`; containers that are started with another `--conf`',
    hint: 'use an image with sh, or set stellar.org/peer-config to the file that is read, or to off, as stellar-peers status says, and delete the pod (docs/how-validators-use-peers.md)',
    when: 'both',
    needs: ['stellarnodes', 'statefulsets', 'pods', 'namespaces'],
    evaluate: checkMerged,
  },
];
