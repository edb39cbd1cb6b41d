/** Which connections of each address are worked on, and which wait for that: one address cannot keep those of others waiting. */
import type { Socket } from 'node:net';

/** How long a new connection may wait: as long as a review takes at most. */
const WAIT_MS = 5_000;

/** What has the two ends of a connection: over TLS these are two sockets. */
export type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** Which connections of each address are worked on, by the port of their other end, and which wait for that. */
export class WorkSlots {
  readonly #atOnce: number;
  readonly #addresses = new Map<string, AddressSlots>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** A new connection: `begin` is called when it may be worked on, if it is still there. */
  wait(socket: Socket, begin: () => void): void {
    const { remoteAddress, remotePort } = socket;
    const giveUp = () => void socket.destroy();
    socket.on('error', giveUp).once('close', () => {
      this.#addresses.get(remoteAddress ?? '')?.waiting.delete(remotePort ?? 0);
      this.end({ remoteAddress, remotePort });
    });
    socket.setTimeout(WAIT_MS, giveUp);
    this.take(socket, () => {
      socket.setTimeout(0, giveUp).off('error', giveUp);
      begin();
    });
  }

  /** Calls `begin` when the connection may be worked on. False if that is not now. */
  take(socket: Socket, begin: () => void): boolean {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const slots = this.#addresses.get(remoteAddress) ?? { busy: new Set(), waiting: new Map() };
    const isNow = slots.busy.size < this.#atOnce || slots.busy.has(remotePort);
    if (socket.destroyed) return isNow;
    this.#addresses.set(remoteAddress, slots);
    if (isNow) {
      slots.busy.add(remotePort);
      begin();
    } else slots.waiting.set(remotePort, () => this.take(socket, begin));
    return isNow;
  }

  /** The connection is not worked on any more. */
  end({ remoteAddress = '', remotePort = 0 }: Ends): void {
    const slots = this.#addresses.get(remoteAddress);
    if (!slots) return;
    slots.busy.delete(remotePort);
    for (const [port, begin] of slots.waiting) {
      if (slots.busy.size >= this.#atOnce) return;
      slots.waiting.delete(port);
      begin();
    }
    if (slots.busy.size + slots.waiting.size === 0) this.#addresses.delete(remoteAddress);
  }
}

interface AddressSlots {
  readonly busy: Set<number>;
  readonly waiting: Map<number, () => void>;
}
