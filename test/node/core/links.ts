/**
 * Links to other validators, over TCP and in both directions. Each address is dialled repeatedly until it answers, and both
 * ends first send their names. A link to itself is dropped.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const RETRY_MS = 1_000;
const NAME_MS_MAX = 5_000;
/** Probes links, because a peer whose machine is gone does not close its links. */
const KEEPALIVE_MS = 2_000;

interface Link {
  readonly name: string;
  readonly address: string;
}

export class Links {
  readonly #ownName: string;
  readonly #inbound = new Map<Socket, Link>();
  readonly #outbound = new Map<string, Link>();
  readonly #dialled = new Set<string>();

  constructor(ownName: string) {
    this.#ownName = ownName;
  }

  /** Takes links from others on that port of all addresses. */
  listen(port: number): void {
    createServer((socket) => {
      // The port that the other one listens on, as stellar-core says it: here that of all.
      const address = `${socket.remoteAddress?.replace('::ffff:', '')}:${port}`;
      this.#greet(socket, (name) => this.#inbound.set(socket, { name, address }));
      socket.once('close', () => this.#inbound.delete(socket));
    }).listen(port);
  }

  /** Keeps a link to `host:port` from now on. */
  dial(address: string): void {
    if (this.#dialled.has(address)) return;
    this.#dialled.add(address);
    this.#attempt(address);
  }

  /** Addresses of those that are linked now; of who is linked both ways, both. */
  get linked(): { readonly inbound: string[]; readonly outbound: string[] } {
    const addresses = (links: Iterable<Link>) => [...links].map(({ address }) => address);
    return { inbound: addresses(this.#inbound.values()), outbound: addresses(this.#outbound.values()) };
  }

  /** Names of all that are linked, however, each once. */
  get names(): string[] {
    const links = [...this.#inbound.values(), ...this.#outbound.values()];
    return [...new Set(links.map(({ name }) => name))].sort();
  }

  #attempt(address: string): void {
    const [host = '', port = ''] = address.split(':');
    const socket = connect({ host, port: Number(port) });
    this.#greet(socket, (name) => this.#outbound.set(address, { name, address }));
    socket.once('close', () => {
      this.#outbound.delete(address);
      setTimeout(() => this.#attempt(address), RETRY_MS);
    });
  }

  /** Says the own name and waits for the other's. */
  #greet(socket: Socket, onName: (name: string) => void): void {
    socket.setKeepAlive(true, KEEPALIVE_MS);
    const late = setTimeout(() => socket.destroy(), NAME_MS_MAX);
    socket.once('close', () => clearTimeout(late));
    socket.on('error', () => socket.destroy());
    socket.write(`${this.#ownName}\n`);
    createInterface({ input: socket })
      .once('line', (name) => {
        clearTimeout(late);
        if (name === this.#ownName) socket.destroy();
        else onName(name);
      })
      .on('error', () => socket.destroy());
  }
}
