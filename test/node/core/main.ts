/**
 * A stand-in for stellar-core in a container, and for the operator's health sidecar beside it:
 *   run --conf FILE      reads the configuration, listens for peers, dials them, answers commands on loopback
 *   http-command COMMAND sends the command to the port of `run`, prints the answer; --conf FILE may precede it
 *   health-sidecar       /readyz on 8081: whether the validator has a link
 *   getent ahostsv4 HOST its addresses, as the tool of that name in the original's image prints them
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { hostname } from 'node:os';
import process from 'node:process';
import { connectText, infoText, peersText, UNKNOWN_COMMAND } from '../../cluster/core-texts.ts';
import { readConfiguration } from './configuration.ts';
import { Links } from './links.ts';

const PEER_PORT = 11_625;
const HTTP_PORT = 11_626;
const HEALTH_PORT = 8081;
const LEDGER_AGE_S = 3;
const SLOW_MS = 20_000;
/** The answers to `/peers` in each mood other than well. */
const MOODS: Readonly<Record<string, string>> = {
  booting: '{\n   "exception" : "Core is booting, try later"\n}',
  nonsense: `"authenticated" ${'"peers" [ { " '.repeat(5_000)}`,
  silent: '',
};

function run(path: string): void {
  const { peers } = readConfiguration(readFileSync(path, 'utf8'));
  const links = new Links(hostname());
  links.listen(PEER_PORT);
  for (const address of peers) links.dial(address);
  createServer(commands(links)).listen(HTTP_PORT, '127.0.0.1');
  process.stdout.write(`reads ${path}, dials ${peers.join(' ') || 'no peers'}\n`);
}

function commands(links: Links): RequestListener {
  const startedOn = new Date().toISOString();
  let mood = '';
  const answers: Record<string, (query: URLSearchParams) => string> = {
    '/peers': () => MOODS[mood] ?? peersText(links.linked),
    '/info': () => infoText({ state: 'Synced!', age: LEDGER_AGE_S, links: links.names.length, startedOn }),
    // Only this stand-in has this command: it sets the mood of later answers.
    '/mood': (query) => {
      mood = query.get('is') ?? '';
      return mood;
    },
    // Only this stand-in has this command: it lists the linked validators by name.
    '/names': () => JSON.stringify(links.names),
    '/connect': (query) => {
      const { address, text } = connectText(query);
      if (address === undefined) return text;
      process.stdout.write(`connect ${address}\n`);
      links.dial(address);
      return text;
    },
  };
  return (asked, answer) => {
    const { pathname, searchParams } = new URL(asked.url ?? '', 'http://core');
    const text = answers[pathname]?.(searchParams) ?? UNKNOWN_COMMAND;
    if (mood === 'slow' && pathname === '/peers') setTimeout(() => answer.end(text), SLOW_MS);
    else answer.end(text);
  };
}

const ask = async (command: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${HTTP_PORT}/${command}`)).text();

/** Sends a command. As with the original, an error is printed, and the exit code is 0. */
async function command(words: string): Promise<void> {
  const text = await ask(words).catch(String);
  process.stdout.write(`${text}\n`);
}

async function isLinked(): Promise<boolean> {
  const { info } = JSON.parse(await ask('info')) as { info: { peers: { authenticated_count: number } } };
  return info.peers.authenticated_count > 0;
}

function healthSidecar(): void {
  createServer(async (asked, answer) => {
    const isGood = asked.url !== '/readyz' || (await isLinked().catch(() => false));
    answer.writeHead(isGood ? 200 : 503).end();
  }).listen(HEALTH_PORT);
}

async function getent(host: string): Promise<void> {
  const found = await lookup(host, { all: true, family: 4 }).catch(() => []);
  for (const { address } of found) process.stdout.write(`${address} STREAM ${host}\n`);
  if (found.length === 0) process.exitCode = 2;
}

// Without handlers, the first process of a container ignores both signals.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
const words = process.argv.slice(2);
// Like the original, read the configuration before sending a command.
if (words[0] === '--conf') readConfiguration(readFileSync(words[1] ?? '', 'utf8'));
const [verb, ...rest] = words[0] === '--conf' ? words.slice(2) : words;
if (verb === 'run' && rest[0] === '--conf') run(rest[1] ?? '');
else if (verb === 'http-command') await command(rest.join(' '));
else if (verb === 'health-sidecar') healthSidecar();
else if (verb === 'getent') await getent(rest.at(-1) ?? '');
else {
  process.stderr.write(`the stand-in does not know: ${process.argv.slice(2).join(' ')}\n`);
  process.exitCode = 1;
}
