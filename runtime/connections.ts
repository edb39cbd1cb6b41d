/**
 * What the connections of one server may cost: how many there are, whose goes where there are too many, and how much one
 * may ask at once. Every program that reaches a port may connect. One that waits for each answer, as an API server, a kubelet and
 * a browser do, is never cut off below the limit of all connections, however often and however long it asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Ends, WorkSlots } from './work-slots.ts';

/** As node:http and node:https have them. */
interface GuardedServer {
  on(event: 'connection' | 'secureConnection', listener: (socket: Socket) => void): unknown;
  on(
    event: 'request' | 'checkExpectation',
    listener: (request: IncomingMessage, response: ServerResponse) => void,
  ): unknown;
  listeners(event: 'connection'): unknown[];
  removeAllListeners(event: 'connection'): unknown;
}

interface Guard {
  readonly connections: number;
  /** Over TLS the requests come on another socket than the connection. */
  readonly tls?: boolean;
  /**
   * Of each address so many connections are worked on at once: during the TLS handshake, and from the first byte of a
   * request to its end. The others wait, before their handshake or unread. A connection without a request takes no place,
   * since Go's client opens some that it then does not need. Those that wait for the answer to a whole request neither
   * count nor go: an API server's reviews under way, those that are held among them. By default none waits, and all count.
   */
  readonly atOnce?: number;
  /** Called when a connection had to go. */
  readonly onFull?: () => void;
}

/** Bounds the connections of a server and what one sends at once; to be called before the server listens. */
export function guardConnections(server: GuardedServer, guard: Guard): void {
  const slots = new WorkSlots(guard.atOnce ?? Number.POSITIVE_INFINITY);
  const unanswered = new Unanswered(slots);
  const open = new OpenConnections();
  const counted = (own: readonly Socket[]) => {
    let left = guard.atOnce ?? 0;
    return own.filter((socket) => {
      const isSpared = left > 0 && unanswered.isDue(socket);
      if (isSpared) left -= 1;
      return !isSpared;
    });
  };
  // A connection that waits has cost no handshake: what the server does with it comes later.
  const listeners = server.listeners('connection') as Array<(socket: Socket) => void>;
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    const isFull = open.size >= guard.connections;
    if (isFull) guard.onFull?.();
    if (isFull && !open.makeRoomFor(socket, counted)) {
      socket.destroy();
      return;
    }
    open.add(socket);
    slots.wait(socket, () => {
      for (const listener of listeners) listener.call(server, socket);
      if (!guard.tls) ready(socket);
    });
  });
  const ready = (socket: Socket): void => {
    slots.end(socket);
    ignoreFloods(socket, unanswered, slots);
  };
  server.on('request', (request, response) => unanswered.add(request, response));
  // Node would answer such a request without an event, and its place would never be free.
  server.on('checkExpectation', (request, response) => {
    unanswered.add(request, response);
    response.writeHead(417).end();
  });
  if (guard.tls) server.on('secureConnection', ready);
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

/** So many answers of one connection may be written while the end of none is told. */
const UNREAD_MAX = 3;

/** Ends the headers of each request. No JSON holds it but between its tokens, where no encoder writes it. */
const END_OF_HEADERS = Buffer.from('\r\n\r\n');

const otherEnd = ({ remoteAddress, remotePort }: Ends): string => `${remoteAddress} ${remotePort}`;

/** The requests of each connection whose answers have not gone out yet. */
class Unanswered {
  readonly #slots: WorkSlots;
  readonly #requests = new Map<string, Map<IncomingMessage, ServerResponse>>();

  constructor(slots: WorkSlots) {
    this.#slots = slots;
  }

  /**
   * True for a caller that does not wait for answers. One that does may send its next request before the end of its last
   * answer is told here, on a busy machine: such an answer is written, and counts only among many.
   */
  areMany(socket: Socket): boolean {
    const responses = [...(this.#requests.get(otherEnd(socket))?.values() ?? [])];
    return responses.length > UNREAD_MAX || responses.filter((each) => !each.writableEnded).length > 1;
  }

  /** True if we owe an answer: who sends a body slowly, or reads no answer, waits for nothing of ours. */
  isDue(socket: Socket): boolean {
    const requests = this.#requests.get(otherEnd(socket)) ?? [];
    return [...requests].some(([request, response]) => request.complete && !response.writableEnded);
  }

  add(request: IncomingMessage, response: ServerResponse): void {
    const { remoteAddress, remotePort } = request.socket;
    const end = otherEnd(request.socket);
    const requests = (this.#requests.get(end) ?? new Map()).set(request, response);
    this.#requests.set(end, requests);
    let isWorkedOn = true;
    const leave = (): void => {
      if (isWorkedOn) this.#slots.end({ remoteAddress, remotePort });
      isWorkedOn = false;
    };
    // A review that is held is no work: a tenant's must not keep those of others waiting.
    request.once('end', () => setImmediate(leave));
    response.once('close', () => {
      requests.delete(request);
      if (requests.size === 0 && this.#requests.get(end) === requests) this.#requests.delete(end);
      // The body of a request that is refused early is still to come, and frees the place.
      if (request.complete) leave();
    });
  }
}

/**
 * Hears nothing more of a connection whose caller does not wait for answers, as API servers, kubelets and browsers do:
 * Node's parser would turn all that came into requests, and the 64 KiB of one read are some 1,800, in one piece or in many
 * small records of TLS. The connection is left unread until its time is over: closed at once, it would come back at once.
 */
function ignoreFloods(socket: Socket, unanswered: Unanswered, slots: WorkSlots): void {
  const parsers = socket.listeners('data') as Array<(chunk: Buffer) => void>;
  socket.removeAllListeners('data');
  const hear = (chunk: Buffer): void => {
    if (unanswered.areMany(socket) || isFlood(chunk)) {
      socket.off('data', hear).pause();
      return;
    }
    let waits = false;
    const begin = (): void => {
      for (const parse of parsers) parse.call(socket, chunk);
      if (waits) socket.resume();
    };
    // The parser passes over empty lines, so no request would free the place.
    if (isEmpty(chunk)) {
      begin();
      return;
    }
    waits = !slots.take(socket, begin);
    if (waits) socket.pause();
  };
  socket.on('data', hear);
}

const isEmpty = (chunk: Buffer): boolean => chunk.every((byte) => byte === 13 || byte === 10);

function isFlood(chunk: Buffer): boolean {
  const end = chunk.indexOf(END_OF_HEADERS);
  return end >= 0 && chunk.includes(END_OF_HEADERS, end + END_OF_HEADERS.length);
}
