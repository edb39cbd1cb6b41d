/**
 * Whether Node is making a key right now: real work of unknown length, during which no virtual time may pass, or minutes
 * of it would be over before a step is done that takes a tenth of a second.
 */
import { createHook } from 'node:async_hooks';

const making = new Set<number>();

createHook({
  init: (id, type) => {
    if (type === 'KEYPAIRGENREQUEST') making.add(id);
  },
  after: (id) => void making.delete(id),
}).enable();

/** True from the moment at which a key is asked for until whoever asked has it. */
export const isMakingKeys = (): boolean => making.size > 0;
