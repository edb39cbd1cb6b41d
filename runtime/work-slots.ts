/** Limits how many connections of one address are worked on at once, so that one address cannot delay others. */
import type { Socket } from 'node:net';

/** How long a new connection may wait: the longest time of a review. */
const WAIT_MS = 5_000;

/** The remote end of a connection. With TLS, two sockets of a connection have the same one. */
export type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** The connections of each address that are worked on, and those that wait, by their remote port. */
export class WorkSlots {
  readonly #atOnce: number;
  readonly #addresses = new Map<string, AddressSlots>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Call for a new connection. Calls `begin` when the connection may be worked on, if it is still open. */
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

  /** Calls `begin` when the connection may be worked on. False if it must wait. */
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

  /** Call when the connection is no longer worked on. */
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
