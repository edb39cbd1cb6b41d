/**
 * What is remembered of one running stellar-core, and what follows from it. Pure; signaller.ts does the calling.
 *
 *   nothing known, or something new to tell → visit at once
 *   told something                          → visit after 5 s
 *   port open                               → visit every CORE_POLL_SECONDS
 *   a call failed                           → visit after 5 s, 10 s, … 5 min
 *   Ready, and refused three times          → closed: never again, until the process is another
 */

import type { CoreInfo } from '../../../peers/core/answers.ts';
import { isIpv4 } from '../../../peers/discovery/address.ts';
import type { CoreState, Evidence } from './evidence.ts';
import type { Dial, SignalTarget } from './signal-targets.ts';

export type Phase = 'unknown' | 'open' | 'closed';

/** How many of the peers that a validator should know it is connected to. */
export interface Connection {
  readonly connected: number;
  readonly expected: number;
  readonly synced: boolean;
}

export interface SignalState {
  target: SignalTarget;
  phase: Phase;
  busy: boolean;
  /** Monotonic ms; Infinity for never. */
  dueAtMs: number;
  failures: number;
  refusedWhileReady: number;
  /** By address: how often it was told, or found connected, and when last. */
  readonly told: Map<string, { readonly times: number; readonly atMs: number }>;
  /** `ip:port` of its peers when it was last asked. */
  peers: ReadonlySet<string>;
  connection: Connection | undefined;
  /** Digests of the peers that it was ever seen connected to. */
  readonly seen: Set<string>;
  /** By digest: a running peer that no answer since then showed as connected. */
  readonly apart: Map<string, Apart>;
  /** What it said of itself last; undefined where it does not answer. */
  core: CoreState | undefined;
}

interface Apart {
  /** Of the peer: another one may dial at last. */
  readonly process: string;
  readonly sinceMs: number;
  /** When the last answer said so. */
  readonly untilMs: number;
}

/** stellar-core keeps this many outbound connections: with as many it needs no reminder. */
const ENOUGH_PEERS = 8;
const TIMES_MAX = 3;
const REFUSALS_MAX = 3;
const RETRY_MS_MIN = 5_000;
const RETRY_MS_MAX = 300_000;
const FOLLOW_UP_MS = 5_000;
/** A pair that is not connected for so long, by all answers, is not about to be. */
const APART_MS = 600_000;
const STATE_POLL_MS_MAX = 300_000;

export const newState = (target: SignalTarget, nowMs: number): SignalState => ({
  target,
  phase: 'unknown',
  busy: false,
  dueAtMs: nowMs,
  failures: 0,
  refusedWhileReady: 0,
  told: new Map(),
  peers: new Set(),
  connection: undefined,
  seen: new Set(),
  apart: new Map(),
  core: undefined,
});

/** Takes in the target as it is now. Something new to tell is due at once, unless calls fail. */
export function refresh(state: SignalState, target: SignalTarget, nowMs: number): void {
  const becameReady = target.ready && !state.target.ready;
  state.target = target;
  if (becameReady && state.phase !== 'closed') {
    // What did not listen while it started may listen now, and what was not synced may be.
    state.failures = 0;
    state.dueAtMs = nowMs;
  }
  const dialled = new Set(target.dials.map(({ address }) => address));
  for (const address of state.told.keys()) {
    if (!dialled.has(address)) state.told.delete(address);
  }
  if (state.phase === 'closed' || state.failures > 0) return;
  if (hasNews(state)) state.dueAtMs = nowMs;
}

const hasNews = ({ target, told }: SignalState): boolean =>
  !target.muted && target.dials.some(({ address }) => !told.has(address));

/** Takes in what the process answered. */
export function noteAnswer(
  state: SignalState,
  peers: ReadonlySet<string>,
  info: CoreInfo,
  nowMs: number,
): void {
  state.phase = 'open';
  state.failures = 0;
  state.peers = peers;
  for (const { address } of state.target.dials) {
    if (peers.has(address) && !state.told.has(address)) state.told.set(address, { times: 0, atMs: nowMs });
  }
  const { expected } = state.target;
  const connected = expected.filter(({ addresses }) => addresses.some((address) => peers.has(address)));
  state.connection = { connected: connected.length, expected: expected.length, synced: info.synced };
  state.core = { synced: info.synced, failAt: info.failAt, missing: info.missing };
  noteLinks(state, new Set(connected.map(({ digest }) => digest)), nowMs);
}

/** A peer that is seen once stays so; one that runs and is not seen is apart from the first answer on that lacks it. */
function noteLinks(
  { target, seen, apart }: SignalState,
  connected: ReadonlySet<string>,
  nowMs: number,
): void {
  const before = new Map(apart);
  apart.clear();
  for (const digest of connected) seen.add(digest);
  for (const { digest, process } of target.expected) {
    if (process === undefined || connected.has(digest)) continue;
    const known = before.get(digest);
    const sinceMs = known?.process === process ? known.sinceMs : nowMs;
    apart.set(digest, { process, sinceMs, untilMs: nowMs });
  }
}

/** What its answers show. What it says of itself counts only where it is asked every few minutes, so that it is true. */
export function evidenceOf({ seen, apart, core, phase, failures }: SignalState, pollMs: number): Evidence {
  const long = [...apart].filter(([, { sinceMs, untilMs }]) => untilMs - sinceMs >= APART_MS);
  const asked = phase !== 'unknown' || failures > 0;
  const links = { seen: [...seen], apart: long.map(([digest]) => digest), ...(asked ? { asked } : {}) };
  return core && pollMs > 0 && pollMs <= STATE_POLL_MS_MAX ? { ...links, state: core } : links;
}

/**
 * What to tell now: what was never told, and, to a validator with few connections, up to twice more what did not
 * come about. A name cannot be told from the address that it shows as, so it is told once.
 */
export function dialsToSignal(
  { target, told, peers, connection }: SignalState,
  nowMs: number,
  pollMs: number,
): Dial[] {
  if (target.muted) return [];
  const needsMore = (connection?.connected ?? 0) < Math.min(ENOUGH_PEERS, target.expected.length);
  const timesOf = ({ address }: Dial) => told.get(address)?.times ?? 0;
  const isDue = (dial: Dial): boolean => {
    const before = told.get(dial.address);
    if (!before) return true;
    if (peers.has(dial.address) || !isIpv4(dial.host) || !needsMore) return false;
    return before.times < TIMES_MAX && nowMs - before.atMs >= pollMs;
  };
  return target.dials.filter(isDue).sort((a, b) => timesOf(a) - timesOf(b));
}

export function noteSignalled(state: SignalState, { address }: Dial, nowMs: number): void {
  state.told.set(address, { times: (state.told.get(address)?.times ?? 0) + 1, atMs: nowMs });
}

/**
 * Takes in a visit that came to its end. `pollMs` 0 means that there is no next one by itself. After something was
 * told the next one comes soon, to see whether it came about.
 */
export function noteVisit(
  state: SignalState,
  nowMs: number,
  { pollMs, told }: { pollMs: number; told: number },
): void {
  const delayMs = told > 0 ? Math.min(FOLLOW_UP_MS, pollMs) : pollMs;
  state.dueAtMs = pollMs > 0 ? nowMs + delayMs : Number.POSITIVE_INFINITY;
  // What became known while the visit went on.
  if (hasNews(state)) state.dueAtMs = nowMs;
}

/** Takes in a call that failed; `refused`: nothing could be reached there. */
export function noteFailure(state: SignalState, refused: boolean, nowMs: number): void {
  state.failures += 1;
  state.connection = undefined;
  // No answer is no evidence: what was seen stays seen, and what was missed has to be missed again.
  state.apart.clear();
  state.core = undefined;
  if (refused && state.phase === 'unknown' && state.target.ready) state.refusedWhileReady += 1;
  if (state.refusedWhileReady >= REFUSALS_MAX) {
    state.phase = 'closed';
    state.dueAtMs = Number.POSITIVE_INFINITY;
    return;
  }
  state.dueAtMs = nowMs + Math.min(RETRY_MS_MIN * 2 ** (state.failures - 1), RETRY_MS_MAX);
}
