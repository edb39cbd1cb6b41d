/** What one pod lacks, as `stellar-peers explain` tells it. Pure. */
import type { Group } from '../../peers/discovery/discover.ts';
import { publishedView } from '../../peers/views/views.ts';
import type { PodFacts, StatefulSetFacts, Validator } from '../../peers/world.ts';
import { evaluatePod } from '../../reconciler/plan/restarts/drift.ts';
import { GroupLinks } from '../../reconciler/plan/restarts/links.ts';
import { type ClusterSnapshot, rolloutInput } from '../snapshot.ts';
import { shownReason } from './current-reasons.ts';
import type { PodExplanation } from './explanation.ts';

interface Judged {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts | undefined;
  readonly pod: PodFacts;
  readonly group: Group;
}

/** What it lacks, if a restart would mend that, or why what it lacks is no reason for one. */
export function driftOf(
  { statefulSet, ...judged }: Judged,
  asked: ClusterSnapshot,
): Pick<PodExplanation, 'lacks' | 'lacksHeld'> {
  if (!statefulSet) return { lacks: 'nothing', lacksHeld: null };
  const { world, settings, liveness } = rolloutInput(asked);
  const { namespace, name } = judged.validator;
  const published = publishedView(world.configMaps.get(namespace), name);
  const links = new GroupLinks(judged.group, {
    world,
    discovery: asked.discovery,
    ownNamespace: settings.ownNamespace,
  });
  const verdict = evaluatePod({ world, settings, liveness, links, statefulSet, published, ...judged });
  return {
    lacks: verdict.kind === 'drift' ? verdict.drift : 'nothing',
    lacksHeld: verdict.kind === 'held' ? shownReason(verdict.reason, judged.validator.key) : null,
  };
}
