/** Reads a configuration as strictly as stellar-core, which does not start with a malformed one. Pure. */
import { parse } from 'smol-toml';

export interface Configuration {
  /** `host:port`, to be dialled. */
  readonly peers: readonly string[];
}

const KEYS = ['KNOWN_PEERS', 'PREFERRED_PEERS'];
const DEFAULT_PORT = 11_625;
const PORT_MAX = 65_535;
const ADDRESS = /^(?<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:(?<port>\d{1,5}))?$/;

function addressOf(key: string, entry: unknown): string {
  const { host, port = String(DEFAULT_PORT) } = ADDRESS.exec(String(entry))?.groups ?? {};
  const isPort = Number(port) > 0 && Number(port) <= PORT_MAX;
  if (typeof entry !== 'string' || host === undefined || !isPort)
    throw new Error(`${key} has a malformed entry: ${JSON.stringify(entry)}`);
  return `${host}:${port}`;
}

/** Reads the configuration. Throws if stellar-core would not start with it. */
export function readConfiguration(text: string): Configuration {
  const table = parse(text);
  const peers = KEYS.flatMap((key) => {
    const entries = table[key] ?? [];
    if (!Array.isArray(entries)) throw new Error(`${key} is no list`);
    return entries.map((entry) => addressOf(key, entry));
  });
  return { peers: [...new Set(peers)] };
}
