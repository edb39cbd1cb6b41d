/**
 * Links to other validators, over TCP and in both directions. Each address is dialled repeatedly until it answers, and both
 * ends first send their names. A link of a validator to itself is dropped.
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

  /** Accepts links from others on the port, on all addresses. */
  listen(port: number): void {
    createServer((socket) => {
      // stellar-core shows the port on which the other one listens. Here that is the same port for all.
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

  /** The addresses of all links now. A validator that is linked in both directions is in both lists. */
  get linked(): { readonly inbound: string[]; readonly outbound: string[] } {
    const addresses = (links: Iterable<Link>) => [...links].map(({ address }) => address);
    return { inbound: addresses(this.#inbound.values()), outbound: addresses(this.#outbound.values()) };
  }

  /** The names of all linked validators, each once, whatever the direction. */
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

  /** Sends our name and waits for the name of the other end. */
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
