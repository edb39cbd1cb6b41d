/**
 * The content of the status page as one object: networks with their validators, the waiting ones with reasons, and the last
 * restarts. Pure. Owns how much of a large cluster is shown. Foreign texts are shortened and made printable here.
 */
import type { Group } from '../peers/discovery/discover.ts';
import { plainText } from '../peers/field.ts';
import { groupedReasons, type ReasonGroup } from '../peers/reasons/reason-groups.ts';
import { byText, type World } from '../peers/world.ts';
import { everyEntry } from '../reconciler/plan/journal/group-journal.ts';
import { leastLeft } from '../reconciler/plan/quorum/quorum-margin.ts';
import { noteOfBegin, noteOfEnd } from '../reconciler/plan/status/restart-notes.ts';
import {
  type Decided,
  type ValidatorStatus,
  validatorStatus,
} from '../reconciler/plan/status/validator-status.ts';
import { type Row, rowOf } from './row.ts';

/** The largest network with a picture. In a larger picture people would recognise nothing. */
const PICTURE_MAX = 24;
/** The most rows of all networks; validators that are down or wait come first. A network without a row is not shown. */
const ROWS_MAX = 200;
const WAITING_MAX = 100;
const RESTARTS_MAX = 50;
const TITLE_LENGTH_MAX = 100;
/** Longer than a namespace and a name, so that the same key is shown the same way in all places. */
const KEY_LENGTH_MAX = 520;

/** Longer than a namespace, a name and a sentence. */
const TEXT_LENGTH_MAX = 640;

/** The replica that serves the page, and the age of its caches. */
export interface ServingReplica {
  readonly name: string;
  readonly leads: boolean;
  readonly leader: string;
  /** Age of its caches; 0 while every watch is up. */
  readonly staleMs: number;
}

/** The input of a snapshot. */
export interface SnapshotInput extends Omit<Decided, 'plans'> {
  readonly ownNamespace: string;
}

/** All data that a browser gets. Times are by the API server's clock, in ms since the epoch. */
export type Snapshot = ReturnType<typeof takeSnapshot>;

interface Validator {
  readonly row: Row;
  readonly status: ValidatorStatus;
}

/** The snapshot of a cluster. */
export function takeSnapshot(cluster: SnapshotInput) {
  const { world, discovery, reasons, ownNamespace } = cluster;
  const restarts = restartsIn(world);
  const waiting = groupedReasons([...reasons].flatMap(([key, all]) => all.map((why) => [key, why] as const)));
  const found = [...discovery.groups.values()].map((group) => ({
    group,
    all: group.validators.map((each) => {
      const status = validatorStatus(each, cluster);
      return { status, row: rowOf(status) };
    }),
  }));
  const kept = mostTelling(found.flatMap(({ all }) => all));
  const networks = found.map(({ group, all }) => networkOf(group, all, { ...cluster, kept }));
  return {
    rollout: plainText(world.configMaps.get(ownNamespace)?.rollout ?? '', TITLE_LENGTH_MAX),
    networks: networks
      .filter(({ rows }) => rows.length > 0)
      .sort((a, b) => byText(a.title, b.title) || byText(a.key, b.key)),
    /** Validators with the same reason share a row. */
    waiting: waiting.slice(0, WAITING_MAX).map(waitingRow),
    restarts: restarts.slice(0, RESTARTS_MAX),
    /** The numbers of all rows, shown or not. */
    totals: {
      networks: networks.length,
      reasons: waiting.length,
      restarts: restarts.length,
    },
  };
}

/** All restarts in the journal that can be read. The journal keeps closed ones for 24 hours. */
const restartsIn = ({ journal }: World) =>
  everyEntry(journal)
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(({ statefulSet, kind, drift, atMs, endedAtMs, outcome }) => ({
      key: plainText(statefulSet, TEXT_LENGTH_MAX),
      ...{ atMs, endedAtMs },
      /** Which validator was restarted how and why, and how that ended, as Events say it. */
      begin: plainText(noteOfBegin(kind, drift, [statefulSet]), TEXT_LENGTH_MAX),
      end: outcome ? noteOfEnd(outcome) : '',
      /** Empty while the restart is under way. */
      outcome: outcome ?? '',
    }));

/** The most names in one row. The table shows all. */
const KEYS_MAX = 50;

const waitingRow = ({ subjects, code, sentence, release }: ReasonGroup) => ({
  keys: subjects.slice(0, KEYS_MAX).map((key) => plainText(key, KEY_LENGTH_MAX)),
  /** How many more validators have this reason. */
  left: Math.max(0, subjects.length - KEYS_MAX),
  code,
  text: sentence,
  release,
});

/** All validators if they fit, else those that a person should look at first. */
function mostTelling(all: readonly Validator[]): ReadonlySet<Validator> {
  if (all.length <= ROWS_MAX) return new Set(all);
  const rank = ({ row }: Validator) =>
    row.state === 'down' ? 0 : row.state === 'restarting' ? 1 : row.code ? 2 : 3;
  return new Set([...all].sort((a, b) => rank(a) - rank(b)).slice(0, ROWS_MAX));
}

function networkOf(
  group: Group,
  all: readonly Validator[],
  { kept, world, discovery }: SnapshotInput & { readonly kept: ReadonlySet<Validator> },
) {
  const count = (holds: (validator: Validator) => boolean) => all.filter(holds).length;
  const shown = all.filter((each) => kept.has(each));
  const isPicture = all.length <= PICTURE_MAX && shown.length === all.length;
  return {
    key: group.key,
    title: plainText(group.network.title, TITLE_LENGTH_MAX),
    validators: all.length,
    ready: count(({ row: { state } }) => state === 'up' || state === 'apart'),
    down: count(({ row: { state } }) => state === 'down' || state === 'restarting'),
    suspended: count(({ row: { state } }) => state === 'away'),
    waiting: count(({ status }) => status.isWaiting),
    unadopted: count(({ status }) => status.isUnadopted),
    /** How many more validators may go down; null if that is not known. */
    quorumMargin: leastLeft(group, { world, discovery })?.left ?? null,
    external: group.externals.length,
    rows: shown.map(({ row }) => row),
    /** Undefined if the network is too large for a picture. */
    links: isPicture ? linksOf(group, shown) : undefined,
  };
}

/** Links as pairs of row indexes: from a validator to a peer that it started with. */
function linksOf(group: Group, shown: readonly Validator[]): Array<readonly [number, number]> {
  const placeOf = new Map(shown.map(({ row }, index) => [row.key, index]));
  const ownerOf = new Map(group.members.map(({ digest, node }) => [digest, placeOf.get(node)]));
  return shown.flatMap(({ status }, from) => {
    const known = status.pods.flatMap(({ started }) => started ?? []);
    const places = new Set(known.map((digest) => ownerOf.get(digest)));
    return [...places].flatMap((to) => (to === undefined || to === from ? [] : [[from, to] as const]));
  });
}
