/**
 * What the status page shows, as one object: networks with their validators, what waits and why, the last restarts.
 * Pure. Owns how much of a large cluster is shown; everything that others wrote is shortened and printable here.
 */
import type { Group } from '../peers/discovery/discover.ts';
import { plainText } from '../peers/field.ts';
import { groupedReasons, type ReasonGroup } from '../peers/reasons/reason-groups.ts';
import { isWaiting } from '../peers/reasons/reasons.ts';
import { byText } from '../peers/world.ts';
import type { Connections } from '../reconciler/plan/publish/overview.ts';
import { leastLeft } from '../reconciler/plan/quorum/quorum-margin.ts';
import type { StatusInput } from '../reconciler/plan/status/current-reasons.ts';
import type { ReasonsByKey } from '../reconciler/plan/status/validator-state.ts';
import { type RestartRow, restartsIn } from './restarts.ts';
import { type Row, type RowInput, rowOf } from './row.ts';

/** A larger network is no picture that people can read; a table tells more. */
const PICTURE_MAX = 24;
/** Rows of all networks together: those that are down or wait come first. */
const ROWS_MAX = 200;
const NETWORKS_MAX = 50;
const WAITING_MAX = 100;
const RESTARTS_MAX = 50;
const TITLE_LENGTH_MAX = 100;
/** Longer than a namespace and a name: what is shown in two places must be the same in both. */
const KEY_LENGTH_MAX = 520;

/** Who serves the page, and how well it hears the cluster. */
export interface ServingReplica {
  readonly name: string;
  readonly leads: boolean;
  /** Empty where none does. */
  readonly leader: string;
  /** Age of its caches; 0 while every watch is up. */
  readonly staleMs: number;
}

/** What of the cluster is shown. */
export interface SnapshotInput extends StatusInput {
  readonly told: ReasonsByKey;
  readonly connections: Connections;
  readonly ownNamespace: string;
}

interface NetworkShown {
  readonly key: string;
  readonly title: string;
  readonly validators: number;
  readonly ready: number;
  readonly down: number;
  readonly suspended: number;
  readonly waiting: number;
  /** Those that are older than the webhook. */
  readonly unadopted: number;
  /** How many more may go down; null where that is not known. */
  readonly quorumMargin: number | null;
  /** Peers outside the cluster. */
  readonly external: number;
  readonly rows: readonly Row[];
  /** Who knows whom, as pairs of places in `rows`; undefined where the network is too large for a picture. */
  readonly links: ReadonlyArray<readonly [number, number]> | undefined;
}

interface WaitingRow {
  /** All that it is told of. */
  readonly keys: readonly string[];
  /** How many more that are. */
  readonly left: number;
  readonly code: string;
  readonly text: string;
  readonly release: string;
}

/** All that a browser is told; times are those of the API server, ms since the epoch. */
export interface Snapshot {
  /** What `stellar.org/peer-rollout` says for everything; empty where nothing is set. */
  readonly rollout: string;
  readonly networks: readonly NetworkShown[];
  /** The same words once. */
  readonly waiting: readonly WaitingRow[];
  readonly restarts: readonly RestartRow[];
  /** How many there are in all. */
  readonly totals: Readonly<
    Record<'networks' | 'validators' | 'ready' | 'down' | 'waiting' | 'reasons' | 'restarts', number>
  >;
}

/** The snapshot of a cluster. */
export function takeSnapshot(shown: SnapshotInput): Snapshot {
  const { world, discovery, told, ownNamespace } = shown;
  const restarts = restartsIn(world);
  const waiting = groupedReasons([...told].flatMap(([key, all]) => all.map((why) => [key, why] as const)));
  const found = [...discovery.groups.values()].map((group) => ({
    group,
    all: group.validators.map((validator) => rowOf(validator, shown)),
  }));
  const kept = mostTelling(found.flatMap(({ all }) => all));
  const networks = found.map(({ group, all }) => networkOf(group, all, { ...shown, kept }));
  const sum = (of: 'validators' | 'ready' | 'down') =>
    networks.reduce((total, network) => total + network[of], 0);
  return {
    rollout: plainText(world.configMaps.get(ownNamespace)?.rollout ?? '', TITLE_LENGTH_MAX),
    networks: mostTroubled(networks),
    waiting: waiting.slice(0, WAITING_MAX).map(waitingRow),
    restarts: restarts.slice(0, RESTARTS_MAX),
    totals: {
      networks: networks.length,
      validators: sum('validators'),
      ready: sum('ready'),
      down: sum('down'),
      waiting: [...told.values()].filter((all) => all.some(isWaiting)).length,
      reasons: waiting.length,
      restarts: restarts.length,
    },
  };
}

/** Names in one row: the sentence counts, and the table has all. */
const KEYS_MAX = 50;

const waitingRow = ({ subjects, code, sentence, release }: ReasonGroup): WaitingRow => ({
  keys: subjects.slice(0, KEYS_MAX).map((key) => plainText(key, KEY_LENGTH_MAX)),
  left: Math.max(0, subjects.length - KEYS_MAX),
  code,
  text: sentence,
  release,
});

/** All of them where they fit, else those that a person should look at first. */
function mostTelling(all: readonly RowInput[]): ReadonlySet<RowInput> {
  if (all.length <= ROWS_MAX) return new Set(all);
  const rank = ({ row }: RowInput) =>
    row.state === 'down' ? 0 : row.state === 'restarting' ? 1 : row.code ? 2 : 3;
  return new Set([...all].sort((a, b) => rank(a) - rank(b)).slice(0, ROWS_MAX));
}

/** In order of their titles; where there are too many, those with a validator down are not left out. */
function mostTroubled(networks: readonly NetworkShown[]): NetworkShown[] {
  return [...networks]
    .sort((a, b) => Number(b.down > 0) - Number(a.down > 0) || b.waiting - a.waiting)
    .slice(0, NETWORKS_MAX)
    .sort((a, b) => byText(a.title, b.title) || byText(a.key, b.key));
}

function networkOf(
  group: Group,
  all: readonly RowInput[],
  { kept, told, world, discovery }: SnapshotInput & { readonly kept: ReadonlySet<RowInput> },
): NetworkShown {
  const count = (holds: (row: Row) => boolean) => all.filter(({ row }) => holds(row)).length;
  const shown = all.filter((each) => kept.has(each));
  const isPicture = all.length <= PICTURE_MAX && shown.length === all.length;
  return {
    key: group.key,
    title: plainText(group.network.title, TITLE_LENGTH_MAX),
    validators: all.length,
    ready: count(({ state }) => state === 'up' || state === 'apart'),
    down: count(({ state }) => state === 'down' || state === 'restarting'),
    suspended: count(({ state }) => state === 'away'),
    waiting: count(({ waits }) => waits),
    unadopted: all.filter(({ row: { key } }) =>
      told.get(key)?.some(({ code }) => code === 'AwaitingAdoption'),
    ).length,
    quorumMargin: leastLeft(group, { world, discovery })?.left ?? null,
    external: group.externals.length,
    rows: shown.map(({ row }) => row),
    links: isPicture ? linksOf(group, shown) : undefined,
  };
}

/** From the validator that started with a peer to that peer. */
function linksOf(group: Group, shown: readonly RowInput[]): Array<readonly [number, number]> {
  const placeOf = new Map(shown.map(({ row }, index) => [row.key, index]));
  const ownerOf = new Map(group.members.map(({ digest, node }) => [digest, placeOf.get(node)]));
  return shown.flatMap(({ known }, from) => {
    const places = new Set([...known].map((digest) => ownerOf.get(digest)));
    return [...places].flatMap((to) => (to === undefined || to === from ? [] : [[from, to] as const]));
  });
}
