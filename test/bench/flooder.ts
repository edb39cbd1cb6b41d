/** Floods one port, for flood.ts: connections from one address that pipeline without end, and come back when cut off. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const CONNECTIONS = 512;
const ADDRESS = '127.0.0.2';
/** The bytes in one write: some 1,800 of the shortest requests. */
const BYTES_AT_ONCE = 64 * 1024;
const COME_BACK_MS = 100;
/** The time between writes of few requests, so that the server does not read them as one. */
const PIECES_EVERY_MS = 50;

interface Flood {
  readonly port: number;
  readonly isTls: boolean;
  /** One request. */
  readonly text: string;
  readonly reads: boolean;
  readonly inOne?: number;
  /** True to send the next write after the answer to the last one. */
  readonly waits?: boolean;
}

function flood({ port, isTls, text, reads, inOne, waits }: Flood): void {
  const many = Buffer.from(text.repeat(inOne ?? Math.ceil(BYTES_AT_ONCE / text.length)));
  const options = { host: '127.0.0.1', port, localAddress: ADDRESS, rejectUnauthorized: false };
  const open = (): void => {
    const socket: Socket = isTls ? connectTls(options as object) : connect(options);
    const send = (): void => {
      if (!socket.writable) return;
      if (waits) socket.write(many);
      else socket.write(many, () => (inOne ? setTimeout(send, PIECES_EVERY_MS) : send()));
    };
    if (waits) socket.on('data', send);
    socket.once(isTls ? 'secureConnect' : 'connect', send);
    if (reads) socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => setTimeout(open, COME_BACK_MS));
  };
  for (let count = 0; count < CONNECTIONS; count += 1) open();
}

process.once('message', (told) => flood(told as Flood));
