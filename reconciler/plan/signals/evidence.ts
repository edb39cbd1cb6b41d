/**
 * The evidence from validators' HTTP ports about their links and their own state, by the UID of the pod. It is kept in
 * our own ConfigMap for the next leader: a link that was seen counts for as long as the pod exists. Pure.
 */
import type { CoreInfo } from '../../../peers/core/answers.ts';
import { fieldsOf, numberOf, parseJson, textOf } from '../../../peers/field.ts';
import { inTurn } from '../../../peers/lists.ts';
import { byText, type ConfigMapFacts, type World } from '../../../peers/world.ts';

/** The evidence of one pod's port. Peers are given by their digests. A port that does not answer shows nothing. */
export interface Evidence {
  /** Peers that the pod was ever seen connected to. */
  readonly seen: readonly string[];
  /** Running peers that were missing in every answer for ten minutes or more. */
  readonly apart: readonly string[];
  /** True once the pod has reported that it is synced. */
  readonly back?: boolean;
  /** The present state as the pod reports it; undefined if it does not answer, or is not asked often enough. */
  readonly state?: CoreState;
  /** True once this leader has asked, whether or not there was an answer. */
  readonly asked?: boolean;
}

/** The state that a stellar-core reports. */
export type CoreState = Pick<CoreInfo, 'synced' | 'failAt' | 'missing'>;

/** By the UID of the pod. */
export type EvidenceByPod = ReadonlyMap<string, Evidence>;

/** The key of the evidence in our own ConfigMap. */
export const EVIDENCE_KEY = 'connections.json';
/** Enough for some 600 validators with an open port. More is not kept. */
const BYTES_MAX = 200 * 1024;
/** stellar-core has at most 64 inbound and 8 outbound connections. Of more peers, those seen last are kept. */
const SEEN_MAX = 72;
const NONE: EvidenceByPod = new Map();
export const NOTHING: Evidence = { seen: [], apart: [] };

const known = new WeakMap<ConfigMapFacts, EvidenceByPod>();

/** The evidence in our own ConfigMap, without entries that cannot be read. */
export function evidenceIn(own: ConfigMapFacts | undefined): EvidenceByPod {
  const text = own?.data[EVIDENCE_KEY];
  if (!own || text === undefined) return NONE;
  const found = known.get(own) ?? parsed(text);
  known.set(own, found);
  return found;
}

const parsed = (text: string): EvidenceByPod =>
  new Map(Object.entries(fieldsOf(parseJson(text))).map(([uid, raw]) => [uid, evidenceOf(raw)]));

function evidenceOf(raw: unknown): Evidence {
  const { seen, apart, back, synced, failAt, missing } = fieldsOf(raw);
  const links = { seen: digestsOf(seen), apart: digestsOf(apart), ...(back === true ? { back } : {}) };
  if (typeof synced !== 'boolean') return links;
  return { ...links, state: { synced, failAt: numberOf(failAt), missing: numberOf(missing) } };
}

const digestsOf = (value: unknown): string[] =>
  (textOf(value) ?? '').split(',').filter((digest) => /^[0-9a-f]{8}$/.test(digest));

/** Within this time a new leader has asked all ports. */
const FIRST_VISITS_MS = 60_000;

/**
 * The present evidence. A port that this leader has not asked yet keeps the state that it reported to the former
 * leader, because it is not silent. `leadsForMs` is how long this leader has led.
 */
export function withFormerStates(
  answers: EvidenceByPod,
  own: ConfigMapFacts | undefined,
  leadsForMs: number,
): EvidenceByPod {
  if (leadsForMs >= FIRST_VISITS_MS) return answers;
  const kept = [...evidenceIn(own)].flatMap(([uid, { state }]) => {
    const now = answers.get(uid) ?? NOTHING;
    return state && !now.asked ? [[uid, { ...now, state }] as const] : [];
  });
  return new Map([...answers, ...kept]);
}

export interface EvidenceInput {
  readonly world: World;
  readonly ownNamespace: string;
  readonly answers: EvidenceByPod;
}

/** The evidence for our own ConfigMap: the former evidence of the pods that still exist, and the present one. */
export function evidenceData(input: EvidenceInput): Readonly<Record<string, string>> {
  const lines: string[] = [];
  let bytes = 0;
  for (const uid of uidsOf(input)) {
    const line = lineOf(uid, input);
    bytes += line.length + 2;
    if (bytes > BYTES_MAX) break;
    if (line !== '') lines.push(line);
  }
  return lines.length === 0 ? {} : { [EVIDENCE_KEY]: `{\n${lines.join(',\n')}\n}\n` };
}

/** Existing pods with evidence, in a fixed order. The namespaces take turns, so that none pushes out all of another. */
function uidsOf({ world, ownNamespace, answers }: EvidenceInput): string[] {
  const before = evidenceIn(world.configMaps.get(ownNamespace));
  if (before.size + answers.size === 0) return [];
  const known = [...world.pods.values()].filter(({ uid }) => before.has(uid) || answers.has(uid));
  known.sort((a, b) => byText(a.uid, b.uid));
  return inTurn(known, ({ namespace }) => namespace).map(({ uid }) => uid);
}

function lineOf(uid: string, { world, ownNamespace, answers }: EvidenceInput): string {
  const before = evidenceIn(world.configMaps.get(ownNamespace)).get(uid) ?? NOTHING;
  const now = answers.get(uid) ?? NOTHING;
  const isNew = new Set(now.seen);
  const seen = [...before.seen.filter((digest) => !isNew.has(digest)), ...now.seen].slice(-SEEN_MAX);
  const apart = now.apart.filter((digest) => !seen.includes(digest));
  const back = before.back || now.state?.synced || undefined;
  const text = JSON.stringify({ seen: joined(seen), apart: joined(apart), back, ...now.state });
  return text === '{}' ? '' : ` ${JSON.stringify(uid)}: ${text}`;
}

const joined = (digests: readonly string[]): string | undefined =>
  digests.length > 0 ? [...digests].sort().join() : undefined;
