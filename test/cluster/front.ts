/**
 * A stand-in for a Service, because the test cluster has no kube-proxy: one address on loopback that forwards connections
 * to several backends in turn, and skips those that do not accept.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Front {
  readonly port: number;
  /** Sets the ports on 127.0.0.1 for new connections. */
  setBackends(ports: readonly number[]): void;
  /** Breaks every connection that goes to this port. */
  cut(port: number): void;
  /** Closes the address and every connection through it. */
  stop(): Promise<void>;
}

/** Listens on `port`, or on any free one. */
export async function startFront(backends: readonly number[] = [], port = 0): Promise<Front> {
  let targets = backends;
  let turn = 0;
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  };
  const server = createServer({ pauseOnConnect: true }, (client) => {
    track(client);
    turn += 1;
    const order = targets.map((_, index) => targets[(turn + index) % targets.length] ?? 0);
    void reach(order).then((backend) => join(client, backend, track));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    setBackends: (ports) => {
      targets = ports;
    },
    cut: (backend) => {
      for (const socket of open) if (socket.remotePort === backend) socket.destroy();
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A connection to the first of `ports` that accepts one. */
async function reach(ports: readonly number[]): Promise<Socket | undefined> {
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      socket.destroy();
    }
  }
  return undefined;
}

function join(client: Socket, backend: Socket | undefined, track: (socket: Socket) => void): void {
  if (backend === undefined || client.destroyed) {
    backend?.destroy();
    client.destroy();
    return;
  }
  track(backend);
  client.on('close', () => backend.destroy());
  backend.on('close', () => client.destroy());
  client.pipe(backend).pipe(client);
}
