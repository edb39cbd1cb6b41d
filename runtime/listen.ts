/**
 * How a server takes its address, and the error where it cannot. Knows no server.
 */

/** An address that cannot be listened on: which, and why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Connections that wait until we get to them, as far as the machine allows (net.core.somaxconn). Node's 511 are full
 * when many come at once, and a probe among them is tried again only after seconds.
 */
const BACKLOG = 4096;

/**
 * Listens on `host`; where that is `::` and the machine has no IPv6, on all IPv4 addresses instead.
 * Rejects with ListenError if the port is taken.
 */
export async function listenOn(app: Listener, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port, backlog: BACKLOG });
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (host === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) {
      return listenOn(app, { host: '0.0.0.0', port });
    }
    throw new ListenError(
      `cannot listen on ${host}:${port} (${code || String(cause)}): choose another by WEBHOOK_PORT, HTTP_PORT, STATUS_PAGE_PORT or BIND_ADDRESS`,
      { cause },
    );
  }
}

interface Listener {
  listen(options: { host: string; port: number; backlog: number }): Promise<string>;
}
