/**
 * Whether Node is making a key or reading a file right now: real work of unknown length, during which no virtual time may
 * pass, or minutes of it would be over before a step is done that takes a tenth of a second.
 */
import { createHook } from 'node:async_hooks';

interface KeyJob {
  /** Told when the key is there; a job that its caller waits for, which is over at once, has none. */
  readonly ondone?: unknown;
}

const making = new Map<number, KeyJob>();

createHook({
  init: (id, type, _trigger, job) => {
    if (type === 'KEYPAIRGENREQUEST') making.set(id, job);
  },
  after: (id) => void making.delete(id),
}).enable();

/** True from the moment at which a key is asked for until its caller has it. */
const isMakingKeys = (): boolean => [...making.values()].some(({ ondone }) => ondone !== undefined);

/** A file that is being opened, read or closed is among Node's requests. */
const isReadingFiles = (): boolean =>
  process.getActiveResourcesInfo().some((resource) => /^(FSReq|CloseReq)/.test(resource));

export const isAtWork = (): boolean => isMakingKeys() || isReadingFiles();
