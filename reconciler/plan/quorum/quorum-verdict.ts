/** Decides by the quorum sets whether a restart waits, goes on with a warning, or goes on. Pure. */
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import type { Validator, World } from '../../../peers/world.ts';
import type { QuorumMargin } from './quorum-margin.ts';

/** The annotation's value by which an unknown quorum set is read from the mounted ConfigMap before a restart. */
export const READ_BEFORE_RESTART = 'read';

export interface QuorumSettings {
  readonly quorumCheck: 'hold' | 'warn' | 'off';
  /** `auto` holds on public networks and warns on private ones. */
  readonly quorumUnknown: 'auto' | 'hold' | 'warn';
}

/** The answer of the quorum sets to one more validator that goes down; empty if nothing is against it. */
export interface QuorumVerdict {
  readonly hold?: Reason;
  /** A reason that is shown, while the restart goes on. */
  readonly remark?: Reason;
}

/** Whether the quorum tolerates that this validator goes down too. */
export function quorumVerdict(
  validator: Validator,
  margin: QuorumMargin,
  world: World,
  settings: QuorumSettings,
): QuorumVerdict {
  if (settings.quorumCheck === 'off') return {};
  const short = marginReason(margin);
  if (short && settings.quorumCheck === 'hold') return { hold: short };
  // A person takes the risk of a set that cannot be read, not of one that nothing has read.
  if (margin.unknown?.isUnchecked && settings.quorumCheck === 'hold')
    return { hold: unknownReason(margin.unknown) };
  const policy = unknownPolicy(validator, world, settings);
  const unknown = margin.unknown && policy !== 'read' ? unknownReason(margin.unknown) : undefined;
  if (unknown && policy === 'hold') return { hold: unknown };
  const abroad = margin.unknownAbroad && unknownReason(margin.unknownAbroad);
  // A tenant may claim any home domain in its own namespace. So such a set holds a restart only if the validator's own
  // Namespace has the annotation for it.
  if (abroad && world.namespaces.get(validator.namespace)?.quorumUnknown === 'hold') return { hold: abroad };
  const remark = short ?? unknown ?? abroad;
  return remark ? { remark } : {};
}

const unknownReason = ({ node, problem, isUnchecked }: Unknown): Reason =>
  reason('QuorumUnknown', `${node}: ${problem}`, isUnchecked ? FEWER_DOMAINS : undefined);

const FEWER_DOMAINS = 'Use fewer home domains in the namespace, or more namespaces.';

type Unknown = NonNullable<QuorumMargin['unknown']>;

/** The annotation of the Namespace, else the setting. An unknown value means hold. */
function unknownPolicy(
  { namespace, network }: Validator,
  world: World,
  { quorumUnknown }: QuorumSettings,
): 'hold' | 'warn' | 'read' {
  const byNetwork = network.isPublic ? 'hold' : 'warn';
  const setting = quorumUnknown === 'auto' ? byNetwork : quorumUnknown;
  const asked = world.namespaces.get(namespace)?.quorumUnknown ?? setting;
  // Only the live reads before a restart look into the mounted ConfigMap. They hold the restart if the set stays unknown.
  if (asked === READ_BEFORE_RESTART) return 'read';
  return asked === 'warn' ? 'warn' : 'hold';
}

function marginReason({ left, bears, homeDomain, absent, down, others }: QuorumMargin): Reason | undefined {
  if (left === undefined || left >= 1) return undefined;
  const named = down > others.length ? [...others, `${down - others.length} more`] : others;
  const rule = homeDomain === undefined ? 'its quorum sets' : `its home domain ${homeDomain}`;
  const already = down > 0 ? `, down already: ${named.join(', ')}` : '';
  const unseen = absent > 0 ? `, known by quorum sets alone: ${absent}` : '';
  return reason('QuorumMargin', `${rule} can spare ${bears}${already}${unseen}`);
}

/** The verdict in words, for the person who decides about restarts. */
export function quorumWords({ hold, remark }: QuorumVerdict, { left, unknown }: QuorumMargin): string {
  const why = hold ?? remark;
  if (why)
    return `${hold ? 'forbids' : 'warns'} (${why.code}${why.detail === undefined ? '' : `: ${why.detail}`})`;
  if (unknown) return 'is not known yet';
  if (left === undefined) return 'is not checked';
  return left === 1 ? 'can spare this one' : `can spare this one and ${left - 1} more`;
}
