/** Lets a server listen on its address, with an error that says how to choose another. */

/** A server cannot listen on its address. The message has the address and the cause. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * The most new connections that wait to be accepted, if the machine allows so many (net.core.somaxconn). With Node's
 * default of 511, a burst could displace a probe, and its sender would repeat it only after seconds.
 */
const BACKLOG = 4096;

/** Listens on `host`; on all IPv4 addresses for `::` without IPv6. Rejects with ListenError if the port is taken. */
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
