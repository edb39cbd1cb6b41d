/** The page: shows the snapshots of the stream, and says when they are out of date. */
import { byId, say } from './elements.js';
import { showRestarts, showWaiting } from './lists.js';
import { changesBetween, showNetworks } from './network.js';
import { follow } from './stream.js';
import { clockTime } from './times.js';

/** @typedef {import('./shapes.d.ts').Snapshot} Snapshot */
/** @typedef {import('./shapes.d.ts').Serving} Serving */

/** If the caches are older than this, the leader restarts nothing, and the page is not up to date. */
const STALE_MS_MAX = 30_000;

/** @type {Snapshot | undefined} */
let latest;
/** @type {Serving | undefined} */
let serving;

/** @param {Snapshot} snapshot */
function showSnapshot(snapshot) {
  const before = latest?.networks ?? [];
  latest = snapshot;
  const { networks, waiting, totals } = snapshot;
  showNetworks(byId('networks'), networks, totals.networks);
  showWaiting(byId('waiting'), waiting, totals.reasons);
  const changes = changesBetween(before, networks);
  if (changes !== '') say(byId('announcement'), changes);
}

/** @param {Serving} now */
function leaderOf({ name, leads, leader }) {
  if (leads) return `${name}, which leads`;
  return leader === '' ? `${name}; no replica leads, so nothing is restarted` : `${name}; ${leader} leads`;
}

/** The notice on top: that restarts are paused, or that the replica does not hear from the API server. */
function noticeOf() {
  if (serving && serving.staleMs > STALE_MS_MAX) {
    return 'This replica does not hear from the API server: what it shows may be old.';
  }
  if (latest?.rollout === 'paused') return 'Restarts are paused for everything.';
  return latest?.rollout ? `Strategy for everything: ${latest.rollout}.` : '';
}

function showState() {
  const notice = byId('notice');
  const text = noticeOf();
  notice.hidden = text === '';
  say(notice, text);
  if (serving) say(byId('serving'), `As of ${clockTime(serving.nowMs)} · from ${leaderOf(serving)}`);
}

follow({
  heard(now, snapshot) {
    serving = now;
    document.body.classList.remove('stale');
    say(byId('connection'), 'Live');
    if (snapshot) showSnapshot(snapshot);
    // The age of a restart under way changes without a new snapshot.
    if (latest) showRestarts(byId('restarts'), latest.restarts, latest.totals.restarts, now.nowMs);
    showState();
  },
  lost() {
    document.body.classList.add('stale');
    const since = serving ? `; what you see is from ${clockTime(serving.nowMs)}` : '';
    say(byId('connection'), `Not connected${since}. Trying again …`);
  },
});
