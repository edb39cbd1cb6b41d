/**
 * What the connections of one server may cost: how many there are, whose goes where there are too many, and how much one
 * may ask at once. Every program that reaches a port may connect. One that waits for each answer, as an API server, a kubelet and
 * a browser do, is never cut off below the limit of all connections, however often and however long it asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** As node:http and node:https have them. */
interface GuardedServer {
  on(event: 'connection' | 'secureConnection', listener: (socket: Socket) => void): unknown;
  on(event: 'request', listener: (request: IncomingMessage, response: ServerResponse) => void): unknown;
}

interface Guard {
  /** Most connections at once. */
  readonly connections: number;
  /** Over TLS the requests come on another socket than the connection. */
  readonly tls?: boolean;
  /**
   * Of each address so many connections that wait for the answer to a whole request neither count nor go: an API server's
   * reviews under way. More would let one who asks on all connections keep the others out. Default 0.
   */
  readonly spared?: number;
  /** Called when a connection had to go. */
  readonly onFull?: () => void;
}

/** Bounds the connections of a server and what one sends at once; to be called before the server listens. */
export function guardConnections(server: GuardedServer, guard: Guard): void {
  const unanswered = new Unanswered();
  const open = new OpenConnections();
  const counted = (own: readonly Socket[]) => {
    let left = guard.spared ?? 0;
    return own.filter((socket) => {
      const isSpared = left > 0 && unanswered.isDue(socket);
      if (isSpared) left -= 1;
      return !isSpared;
    });
  };
  server.on('connection', (socket) => {
    const isFull = open.size >= guard.connections;
    if (isFull) guard.onFull?.();
    if (isFull && !open.makeRoomFor(socket, counted)) socket.destroy();
    else open.add(socket);
  });
  server.on('request', (request, response) => unanswered.add(request, response));
  server.on(guard.tls ? 'secureConnection' : 'connection', (socket) => ignoreFloods(socket, unanswered));
}

class OpenConnections {
  readonly #byAddress = new Map<string, Set<Socket>>();
  size = 0;

  add(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? new Set()).add(socket));
    this.size += 1;
    socket.once('close', () => this.#forget(address, socket));
  }

  /**
   * Closes the oldest of the address that has most: one who floods makes room for the others. False for a newcomer that
   * has as many itself: what came before is answered, and does not make room for ever more of the same. `counted` picks
   * those of an address that count, oldest first.
   */
  makeRoomFor(
    { remoteAddress = '' }: Socket,
    counted: (own: readonly Socket[]) => readonly Socket[],
  ): boolean {
    const lists = new Map([...this.#byAddress].map(([address, own]) => [address, counted([...own])]));
    const [most = []] = [...lists.values()].sort((one, other) => other.length - one.length);
    const [oldest] = most;
    if (!oldest || most.length <= (lists.get(remoteAddress)?.length ?? 0)) return false;
    this.#forget(oldest.remoteAddress ?? '', oldest);
    oldest.destroy();
    return true;
  }

  #forget(address: string, socket: Socket): void {
    const own = this.#byAddress.get(address);
    if (!own?.delete(socket)) return;
    this.size -= 1;
    if (own.size === 0) this.#byAddress.delete(address);
  }
}

/** More requests are unanswered, or come in one piece, on no connection of a caller that waits for its answers: there it is one. */
const REQUESTS_MAX = 8;
/** Ends the headers of each request. No JSON holds it but between its tokens, where no encoder writes it. */
const END_OF_HEADERS = Buffer.from('\r\n\r\n');

/** Over TLS a connection has two sockets, and both name its other end. */
const otherEnd = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** The requests of each connection whose answers have not gone out yet. */
class Unanswered {
  readonly #requests = new Map<string, Map<IncomingMessage, ServerResponse>>();

  of(socket: Socket): number {
    return this.#requests.get(otherEnd(socket))?.size ?? 0;
  }

  /** True if we owe an answer: who sends a body slowly, or reads no answer, waits for nothing of ours. */
  isDue(socket: Socket): boolean {
    const requests = this.#requests.get(otherEnd(socket)) ?? [];
    return [...requests].some(([request, response]) => request.complete && !response.writableEnded);
  }

  add(request: IncomingMessage, response: ServerResponse): void {
    const end = otherEnd(request.socket);
    const requests = (this.#requests.get(end) ?? new Map()).set(request, response);
    this.#requests.set(end, requests);
    response.once('close', () => {
      requests.delete(request);
      if (requests.size === 0 && this.#requests.get(end) === requests) this.#requests.delete(end);
    });
  }
}

/**
 * Hears nothing more of a connection on which many requests come at once: Node's parser would turn all of them into
 * requests, and the 64 KiB of one read are some 1,800, in one piece or in many small records of TLS. It is left unread until
 * its time is over: one that is closed at once comes back at once, with another handshake.
 */
function ignoreFloods(socket: Socket, unanswered: Unanswered): void {
  const parsers = socket.listeners('data') as Array<(chunk: Buffer) => void>;
  socket.removeAllListeners('data');
  const hear = (chunk: Buffer): void => {
    if (unanswered.of(socket) > REQUESTS_MAX || isFlood(chunk)) socket.off('data', hear).pause();
    else for (const parse of parsers) parse.call(socket, chunk);
  };
  socket.on('data', hear);
}

function isFlood(chunk: Buffer): boolean {
  let end = 0;
  for (let requests = 0; requests <= REQUESTS_MAX; requests += 1) {
    const at = chunk.indexOf(END_OF_HEADERS, end);
    if (at < 0) return false;
    end = at + END_OF_HEADERS.length;
  }
  return true;
}
