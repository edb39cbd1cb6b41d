/**
 * The memory about one running stellar-core, and the time of the next visit. signaller.ts makes the calls. Pure.
 *
 *   nothing known, or a new peer to signal  → visit at once
 *   a signal was sent                       → visit after 5 s
 *   port open                               → visit every CORE_POLL_SECONDS
 *   a call failed                           → visit after 5 s, 10 s, … 5 min
 *   Ready, and refused three times          → closed: no more visits to this process
 */

import type { CoreInfo } from '../../../peers/core/answers.ts';
import { isIpv4 } from '../../../peers/discovery/address.ts';
import type { Connection } from '../publish/overview.ts';
import type { CoreState, Evidence } from './evidence.ts';
import type { Dial, SignalTarget } from './signal-targets.ts';

export type Phase = 'unknown' | 'open' | 'closed';

export interface SignalState {
  target: SignalTarget;
  phase: Phase;
  busy: boolean;
  /** Monotonic ms; Infinity for never. */
  dueAtMs: number;
  failures: number;
  refusedWhileReady: number;
  /** By address: how often a signal was sent, and when last; 0 for a peer that was found connected, or that dials itself. */
  readonly told: Map<string, Signal>;
  /** `ip:port` of the wanted peers in the last answer. It may list any others, and as many as it likes. */
  peers: ReadonlySet<string>;
  connection: Connection | undefined;
  /** Digests of the peers that the process was ever seen connected to. */
  readonly seen: Set<string>;
  /** By digest: running peers that are missing in all answers since then. */
  readonly apart: Map<string, Apart>;
  /** The last state that it reported; undefined if it does not answer. */
  core: CoreState | undefined;
}

interface Signal {
  readonly times: number;
  readonly atMs: number;
  readonly process: string | undefined;
  /** True if stellar-core did not take the last signal. */
  readonly isDeclined?: boolean;
}

interface Apart {
  /** The process of the peer. After a restart of the peer, the new process may dial, so the time begins anew. */
  readonly process: string;
  readonly sinceMs: number;
  /** The time of the last answer without the peer. */
  readonly untilMs: number;
}

/** stellar-core keeps this many outbound connections. With as many, it needs no repeated signal. */
const ENOUGH_PEERS = 8;
const TIMES_MAX = 3;
const REFUSALS_MAX = 3;
const RETRY_MS_MIN = 5_000;
const RETRY_MS_MAX = 300_000;
const FOLLOW_UP_MS = 5_000;
/** A pair that no answer shows as connected for this long is not about to connect. */
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

/** Updates the target. A new signal is due at once, unless calls fail. */
export function refresh(state: SignalState, target: SignalTarget, nowMs: number): void {
  const becameReady = target.ready && !state.target.ready;
  forgetYielded(state, target);
  forgetEnded(state, target);
  state.target = target;
  if (becameReady && state.phase !== 'closed') {
    // A port that was closed during the start may be open now, and the validator may be synced.
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

/** A peer that can be told no more does not dial: what was left to it is news. */
function forgetYielded({ target: before, told, peers }: SignalState, { dials }: SignalTarget): void {
  const yielded = new Set(before.dials.filter(({ yields }) => yields).map(({ address }) => address));
  for (const { address, yields } of dials) {
    const isLeft = !yields && yielded.has(address) && !peers.has(address);
    if (isLeft && told.get(address)?.times === 0) told.delete(address);
  }
}

/** A peer that runs as another process may not be connected any more. */
function forgetEnded({ told }: SignalState, { dials }: SignalTarget): void {
  for (const { address, process } of dials) if (told.get(address)?.process !== process) told.delete(address);
}

const hasNews = ({ target, told }: SignalState): boolean =>
  !target.muted && target.dials.some(({ address, yields }) => !yields && !told.has(address));

/** Updates the state by an answer of the process. */
export function noteAnswer(
  state: SignalState,
  peers: ReadonlySet<string>,
  info: CoreInfo,
  nowMs: number,
): void {
  state.phase = 'open';
  state.failures = 0;
  const { dials, expected } = state.target;
  const wanted = new Set([
    ...dials.map(({ address }) => address),
    ...expected.flatMap(({ addresses }) => addresses),
  ]);
  state.peers = new Set([...wanted].filter((address) => peers.has(address)));
  for (const { address, process, yields } of dials) {
    const isLeft = yields || peers.has(address);
    if (isLeft && !state.told.has(address)) state.told.set(address, { times: 0, atMs: nowMs, process });
  }
  const connected = expected.filter(({ addresses }) => addresses.some((address) => peers.has(address)));
  state.connection = { connected: connected.length, expected: expected.length, synced: info.synced };
  state.core = { synced: info.synced, failAt: info.failAt, missing: info.missing };
  noteLinks(state, new Set(connected.map(({ digest }) => digest)), nowMs);
}

/** A peer that was seen connected once stays seen. Another running one is apart since the first answer without it. */
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

/** The evidence from its answers. Its own state counts only if it is asked every few minutes. */
export function evidenceOf({ seen, apart, core, phase, failures }: SignalState, pollMs: number): Evidence {
  const long = [...apart].filter(([, { sinceMs, untilMs }]) => untilMs - sinceMs >= APART_MS);
  const asked = phase !== 'unknown' || failures > 0;
  const links = { seen: [...seen], apart: long.map(([digest]) => digest), ...(asked ? { asked } : {}) };
  return core && pollMs > 0 && pollMs <= STATE_POLL_MS_MAX ? { ...links, state: core } : links;
}

/**
 * The signals to send now: peers that were never told and, for a validator with few connections, peers that did not
 * connect, up to two more times: also peers that were to dial themselves. A peer with a DNS name is told once, because
 * the connection shows only its IP address. A signal that stellar-core did not take is repeated for each peer.
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
    const isMissed = before.isDeclined || (isIpv4(dial.host) && needsMore);
    if (peers.has(dial.address) || !isMissed) return false;
    return before.times < TIMES_MAX && nowMs - before.atMs >= pollMs;
  };
  return target.dials.filter(isDue).sort((a, b) => timesOf(a) - timesOf(b));
}

export function noteSignalled(state: SignalState, { address, process }: Dial, nowMs: number): void {
  state.told.set(address, { times: (state.told.get(address)?.times ?? 0) + 1, atMs: nowMs, process });
}

/** Call after `noteSignalled`, if stellar-core did not take the signal. */
export function noteDeclined(state: SignalState, { address }: Dial): void {
  const sent = state.told.get(address);
  if (sent) state.told.set(address, { ...sent, isDeclined: true });
}

/** Sets the time of the next visit: after a signal soon, to see whether the peers have connected; 0 means never. */
export function noteVisit(
  state: SignalState,
  nowMs: number,
  { pollMs, told }: { pollMs: number; told: number },
): void {
  const delayMs = told > 0 ? Math.min(FOLLOW_UP_MS, pollMs) : pollMs;
  state.dueAtMs = pollMs > 0 ? nowMs + delayMs : Number.POSITIVE_INFINITY;
  // New peers may have become known during the visit.
  if (hasNews(state)) state.dueAtMs = nowMs;
}

/** Updates the state after a failed call. `refused` is true if nothing could be reached there. */
export function noteFailure(state: SignalState, refused: boolean, nowMs: number): void {
  state.failures += 1;
  state.connection = undefined;
  // A missing answer is no evidence. Seen peers stay seen, and the time of missing peers begins anew.
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
