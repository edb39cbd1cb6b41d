/** The answers of stellar-core's command port that the product reads. Pure. */

export const UNKNOWN_COMMAND = '<h1>unknown command</h1>';

interface Peers {
  /** `host:port` of each authenticated peer; inbound peers have dialled, outbound peers were dialled. */
  readonly inbound: readonly string[];
  readonly outbound: readonly string[];
}

/** The answer to `/peers`. */
export function peersText({ inbound, outbound }: Peers): string {
  const listed = (addresses: readonly string[]) =>
    addresses.length === 0
      ? null
      : addresses.map((address, index) => ({ address, id: `G${index}`, ver: 'v27' }));
  return JSON.stringify({
    authenticated_peers: { inbound: listed(inbound), outbound: listed(outbound) },
    pending_peers: { inbound: null, outbound: null },
  });
}

interface Info {
  readonly state: string;
  /** The age of the last ledger, in seconds. */
  readonly age: number;
  readonly links: number;
  /** If absent, the answer has no quorum set. */
  readonly failAt?: number;
  /** When the process of stellar-core started. */
  readonly startedOn?: string;
}

/** The answer to `/info`. */
export const infoText = ({ state, age, links, failAt, startedOn }: Info): string =>
  JSON.stringify({
    info: {
      build: 'stand-in',
      ledger: { age, num: 42 },
      peers: { authenticated_count: links, pending_count: 0 },
      ...(startedOn === undefined ? {} : { startedOn }),
      state,
      ...(failAt === undefined ? {} : { quorum: { qset: { fail_at: failAt, missing: 1 } } }),
    },
  });

/** The answer to `/connect`, and the address in the request, if there is one. */
export function connectText(query: URLSearchParams): { readonly address?: string; readonly text: string } {
  const [peer, port] = [query.get('peer'), query.get('port')];
  if (peer === null || port === null)
    return { text: 'Must specify a peer and port: connect&peer=PEER&port=PORT' };
  return { address: `${peer}:${port}`, text: `Connect to: ${peer}:${port}` };
}
