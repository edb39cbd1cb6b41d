/**
 * Whether Node is making a key or reading a file right now: real work of unknown length, during which no virtual time may
 * pass, or minutes of it would be over before a step is done that takes a tenth of a second.
 */
import { createHook } from 'node:async_hooks';

interface KeyJob {
  /** Called when the key is made. A synchronous job, which is over at once, has no callback. */
  readonly ondone?: unknown;
}

const making = new Map<number, KeyJob>();

createHook({
  init: (id, type, _trigger, job) => {
    if (type === 'KEYPAIRGENREQUEST') making.set(id, job);
  },
  after: (id) => void making.delete(id),
}).enable();

/** True from the request for a key until the caller has the key. */
const isMakingKeys = (): boolean => [...making.values()].some(({ ondone }) => ondone !== undefined);

/** True while a file is being opened, read or closed: Node lists these requests as active. */
const isReadingFiles = (): boolean =>
  process.getActiveResourcesInfo().some((resource) => /^(FSReq|CloseReq)/.test(resource));

export const isAtWork = (): boolean => isMakingKeys() || isReadingFiles();
