/** Quorum sets as texts for tests, and what is read of them. */
import { type QuorumSet, readQuorumSet } from '../../../peers/core/quorum-set.ts';

/** How many of the set may be down; undefined where it cannot be read. */
export const toleranceOf = (text: string): number | undefined => setOf(text)?.tolerance;

/** The set; undefined where it cannot be read. */
export function setOf(text: string): QuorumSet | undefined {
  const reading = readQuorumSet(text);
  return 'set' in reading ? reading.set : undefined;
}

/** What is wrong with it; undefined where it can be read. */
export function problemOf(text: string): string | undefined {
  const reading = readQuorumSet(text);
  return 'problem' in reading ? reading.problem : undefined;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** A public key without an owner, another for each number. */
export const publicKey = (index: number): string => {
  const letters = [index >> 10, (index >> 5) & 31, index & 31].map((digit) => ALPHABET[digit]).join('');
  return `GA${'Q'.repeat(51)}${letters}`;
};

export interface DomainText {
  readonly name: string;
  readonly quality: string;
  /** How many validators are listed. */
  readonly listed: number;
}

/** The automatic form of these domains, for a node of the domain `home`. */
export function automaticText(domains: readonly DomainText[], home: string | undefined): string {
  const tables = domains.map(
    ({ name, quality }) => `[[HOME_DOMAINS]]\nHOME_DOMAIN = "${name}"\nQUALITY = "${quality}"\n`,
  );
  const validators = domains
    .flatMap(({ name, listed }) => Array<string>(listed).fill(name))
    .map(
      (name, index) =>
        `[[VALIDATORS]]\nNAME = "v${index}"\nHOME_DOMAIN = "${name}"\nPUBLIC_KEY = "${publicKey(index)}"\n` +
        `ADDRESS = "v${index}.example:11625"\nHISTORY = "curl -sf https://v${index}.example/{0} -o {1}"\n`,
    );
  const own = home === undefined ? '' : `NODE_HOME_DOMAIN = "${home}"\n`;
  return [own, ...tables, ...validators].join('\n');
}
