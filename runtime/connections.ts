/**
 * Limits the connections of one server: their number, which one is closed if there are too many, and how much a caller may
 * send at once. Every program that reaches a port may connect. A caller that waits for each answer, as API servers, kubelets
 * and browsers do, is never cut off while there are fewer connections than the limit.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Ends, WorkSlots } from './work-slots.ts';

/** The methods of a node:http or node:https server that are used here. */
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
  /** The most connections at the same time. */
  readonly connections: number;
  /** True for a TLS server, whose requests come on another socket than the connection. */
  readonly tls?: boolean;
  /**
   * How many connections of one address are worked on at once: during the TLS handshake, and from the first byte of a
   * request to its end. The others wait, before their handshake or unread. A connection without a request takes no place,
   * because Go's client opens some that it does not need. If there are too many connections, up to so many of each address
   * that wait for the answer to a complete request are not closed and do not count: those of an API server, whose reviews
   * may be held. By default, no connection waits, and all count.
   */
  readonly atOnce?: number;
  /** Called when a new connection exceeds the limit, so that a connection is closed. */
  readonly onFull?: () => void;
}

/** Applies the limits of `guard` to a server. Call it before the server listens. */
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
  // Take over the server's own listeners, so that a waiting connection has cost no handshake.
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
  // Without this listener, Node answers such a request without an event, and its place would never become free.
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
   * Closes the oldest connection of the address that has most, so that a flooding address makes room for others. Returns
   * false if the address of the new connection has as many: then the new connection is refused, and the earlier ones are
   * answered. `counted` picks the connections of an address that count, oldest first.
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

/** So many answers of one connection may be written before Node has reported the end of any. */
const UNREAD_MAX = 3;

/** The end of the headers of a request. JSON may contain it only between tokens, where no encoder writes it. */
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
   * True for a caller that does not wait for answers. On a busy machine, even a caller that waits may send its next request
   * before Node has reported the end of the last answer here. So written answers count only if there are many.
   */
  areMany(socket: Socket): boolean {
    const responses = [...(this.#requests.get(otherEnd(socket))?.values() ?? [])];
    return responses.length > UNREAD_MAX || responses.filter((each) => !each.writableEnded).length > 1;
  }

  /** True if a complete request has no answer yet. A caller that sends slowly, or does not read, waits for none. */
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
    // A held review is no work: held reviews of one tenant must not delay the reviews of others.
    request.once('end', () => setImmediate(leave));
    response.once('close', () => {
      requests.delete(request);
      if (requests.size === 0 && this.#requests.get(end) === requests) this.#requests.delete(end);
      // If a request was refused early, its body is still to come, and the end of the body frees the place.
      if (request.complete) leave();
    });
  }
}

/**
 * Stops reading a connection whose caller does not wait for answers. Node's parser would turn all data into requests, and
 * one read of 64 KiB has some 1,800, in one piece or in many small TLS records. The connection stays open and unread until
 * its time limit: if it were closed at once, the caller would reconnect at once.
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
    // Empty lines begin no request, so no end of a request would free the place.
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
