/**
 * What validators' HTTP ports show of their links and of themselves, by the UID of the pod. It is kept in our own ConfigMap,
 * where a new leader finds it: a link that was seen stays for as long as the pod does. Pure.
 */
import { fieldsOf, numberOf, parseJson, textOf } from '../../../peers/field.ts';
import { byText, type ConfigMapFacts, type World } from '../../../peers/world.ts';

/** What one pod's port has shown, of peers by their digests. A port that does not answer shows nothing. */
export interface Evidence {
  /** Peers that it was ever seen connected to. */
  readonly seen: readonly string[];
  /** Running peers of which each answer of ten minutes or more said that it is not connected. */
  readonly apart: readonly string[];
  /** True once it was synced. */
  readonly back?: boolean;
  /** What it says of itself now; undefined where it does not answer, or is not asked often enough. */
  readonly state?: CoreState;
  /** True once this leader has asked, whether or not there was an answer. */
  readonly asked?: boolean;
}

/** What a stellar-core says of itself. */
export interface CoreState {
  /** It is synced, with an authenticated peer and a ledger closed lately. */
  readonly synced: boolean;
  /** How many failures would stop it, 1 for the next one; undefined where it does not say. */
  readonly failAt?: number | undefined;
  /** How many of its quorum set it does not hear. */
  readonly missing?: number | undefined;
}

/** By the UID of the pod. */
export type EvidenceByPod = ReadonlyMap<string, Evidence>;

/** The key in our own ConfigMap. */
export const EVIDENCE_KEY = 'connections.json';
/** Enough for some six hundred validators with an open port; what goes beyond is not kept. */
const BYTES_MAX = 200 * 1024;
/** stellar-core takes 64 inbound and 8 outbound connections; of more than that, those seen last are kept. */
const SEEN_MAX = 72;
const NONE: EvidenceByPod = new Map();
export const NOTHING: Evidence = { seen: [], apart: [] };

const known = new WeakMap<ConfigMapFacts, EvidenceByPod>();

/** What our own ConfigMap says; nothing of what cannot be read. */
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

/** A new leader has asked all ports within this. */
const FIRST_VISITS_MS = 60_000;

/**
 * What the ports show now. A port that this leader has not asked yet keeps what it said of itself to the former leader: a port
 * that was not asked is not one that is silent. `leadsForMs` is how long this leader has led.
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
  /** What the ports show now. */
  readonly answers: EvidenceByPod;
}

/** What is to stand in our own ConfigMap: what was seen before of the pods that are there, and what the ports show now. */
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

/** Pods that are there and of which something is known, in a fixed order. */
function uidsOf({ world, ownNamespace, answers }: EvidenceInput): string[] {
  const before = evidenceIn(world.configMaps.get(ownNamespace));
  if (before.size + answers.size === 0) return [];
  const uids = [...world.pods.values()].map(({ uid }) => uid);
  return uids.filter((uid) => before.has(uid) || answers.has(uid)).sort(byText);
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
