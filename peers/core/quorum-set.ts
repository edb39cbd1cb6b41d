/** Reads a validator's quorumSet, in either of its two forms, or says what is wrong with its text. */
import { parse, TomlError } from 'smol-toml';
import { type Fields, fieldsOf, ownText } from '../field.ts';
import { domainThreshold, homeDomainIn, readAutomatic } from './quorum-automatic.ts';
import { readByHand } from './quorum-by-hand.ts';
import { lineOf, QuorumProblem } from './quorum-problem.ts';
import { leavesOf, type QuorumTree, toleranceOfTree } from './quorum-tree.ts';

const TEXT_LENGTH_MAX = 64 * 1024;

export interface QuorumSet {
  readonly tree: QuorumTree;
  /** How many of its validators, any of them, may be down: the size of the smallest blocking set, less one. */
  readonly tolerance: number;
  /** How many validators the set names. A set by hand counts the node itself only if it names `$self`. */
  readonly leaves: number;
  /** The validators that a set by hand names, without `$self`. Empty for an automatic set. */
  readonly named: ReadonlySet<string>;
  readonly homeDomain: string | undefined;
  /** The inner set of the node's own home domain; undefined in a set by hand, and if the domain is not known. */
  readonly ownDomain: { readonly size: number; readonly threshold: number } | undefined;
}

/** A quorumSet that was read, or what is wrong with its text, with the line. */
export type QuorumReading = { readonly set: QuorumSet } | { readonly problem: string };

/**
 * A quorumSet (`spec.validatorConfig.quorumSet`, TOML) as stellar-core reads it: table QUORUM_SET, or arrays of tables
 * HOME_DOMAINS and VALIDATORS. A text that stellar-core would refuse gives a problem. Never throws.
 */
export function readQuorumSet(text: string): QuorumReading {
  if (text.length > TEXT_LENGTH_MAX) return { problem: `it is longer than ${TEXT_LENGTH_MAX} characters` };
  try {
    return { set: quorumSetIn(fieldsOf(parse(text, { integersAsBigInt: true }))) };
  } catch (error) {
    return { problem: problemOf(error, text) };
  }
}

/** NODE_HOME_DOMAIN of a text, without parsing the rest; undefined if no line gives it. */
export function homeDomainOf(text: string): string | undefined {
  const [, name] = text.match(/^[ \t]*NODE_HOME_DOMAIN[ \t]*=[ \t]*["']([^"'\n]{1,253})["']/m) ?? [];
  return name && ownText(name);
}

function quorumSetIn(text: Fields): QuorumSet {
  const { QUORUM_SET: byHand, VALIDATORS: validators, HOME_DOMAINS: domains } = text;
  const lists = validators !== undefined && !(Array.isArray(validators) && validators.length === 0);
  const isAutomatic = lists || (domains !== undefined && byHand === undefined);
  if (byHand === undefined && !isAutomatic)
    throw new QuorumProblem('it has neither [QUORUM_SET] nor [[VALIDATORS]]', '');
  if (byHand !== undefined && isAutomatic && text.UNSAFE_QUORUM !== true)
    throw new QuorumProblem('it has both [QUORUM_SET] and [[VALIDATORS]]', 'QUORUM_SET');
  const { tree, own, named } =
    byHand === undefined
      ? { ...readAutomatic(text), named: new Set<string>() }
      : { ...readByHand(byHand, text.NODE_NAMES), own: undefined };
  return {
    tree,
    named,
    tolerance: toleranceOfTree(tree),
    leaves: leavesOf(tree),
    homeDomain: homeDomainIn(text),
    ownDomain: own && { size: own.size, threshold: domainThreshold(own.size) },
  };
}

function problemOf(error: unknown, text: string): string {
  if (error instanceof QuorumProblem) return `line ${lineOf(error, text)}: ${error.message}`;
  if (error instanceof TomlError) return `line ${error.line}: it is not TOML`;
  return 'line 1: it cannot be read';
}
