/** Quorum sets for StellarNodes in tests, as the TOML text that people write. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const KEY_LENGTH = 56;

/** A public key for a number, without a secret key. Different numbers give different keys. */
function publicKey(number: number): string {
  const digits = [number >> 5, number % 32].map((digit) => ALPHABET[digit] ?? 'A').join('');
  return `G${'A'.repeat(KEY_LENGTH - 1 - digits.length)}${digits}`;
}

/** The spec of a validator whose quorum set has `count` validators and this threshold, in percent. */
export function quorumSpec(count: number, percent: number): { validatorConfig: { quorumSet: string } } {
  const keys = Array.from({ length: count }, (_, index) => `  "${publicKey(index)}"`).join(',\n');
  const quorumSet = `[QUORUM_SET]\nTHRESHOLD_PERCENT=${percent}\nVALIDATORS=[\n${keys}\n]\n`;
  return { validatorConfig: { quorumSet } };
}

/** The spec of a validator with an automatic quorum set. Its home domain has `count` validators, itself included. */
export function domainSpec(count: number, domain: string): { validatorConfig: { quorumSet: string } } {
  const others = Array.from(
    { length: count - 1 },
    (_, index) =>
      `[[VALIDATORS]]\nNAME="other-${index}"\nHOME_DOMAIN="${domain}"\nPUBLIC_KEY="${publicKey(index)}"\n` +
      `HISTORY="curl -sf https://other-${index}.${domain}/{0} -o {1}"\n`,
  );
  const home = `NODE_HOME_DOMAIN="${domain}"\n[[HOME_DOMAINS]]\nHOME_DOMAIN="${domain}"\nQUALITY="HIGH"\n`;
  return { validatorConfig: { quorumSet: home + others.join('') } };
}
