/**
 * Reads a validator's quorumSet, in either of its forms. Owns the choice between them and what is said of a text
 * that cannot be read; which validators are down, and what follows from it, is decided elsewhere.
 */
import { parse, TomlError } from 'smol-toml';
import { type Fields, fieldsOf, ownText } from '../field.ts';
import { domainThreshold, homeDomainIn, readAutomatic } from './quorum-automatic.ts';
import { readByHand } from './quorum-by-hand.ts';
import { lineOf, QuorumProblem } from './quorum-problem.ts';
import { leavesOf, type QuorumTree, toleranceOfTree } from './quorum-tree.ts';

const TEXT_LENGTH_MAX = 64 * 1024;

export interface QuorumSet {
  readonly tree: QuorumTree;
  /** How many of its validators may be down, whichever they are: the size of the smallest blocking set, less one. */
  readonly tolerance: number;
  /** How many validators it names, the node itself included; in a set by hand, only where it names that. */
  readonly leaves: number;
  /** Whom a set by hand names beside `$self`; empty of an automatic set, which always holds the node itself. */
  readonly named: ReadonlySet<string>;
  /** NODE_HOME_DOMAIN; undefined where the text does not say it. */
  readonly homeDomain: string | undefined;
  /** The inner set of the node's own home domain; undefined in a set by hand, and where that is not known. */
  readonly ownDomain: { readonly size: number; readonly threshold: number } | undefined;
}

/** How a quorumSet reads, or what is wrong with it, with the line. */
export type QuorumReading = { readonly set: QuorumSet } | { readonly problem: string };

/**
 * A quorumSet (`spec.validatorConfig.quorumSet`, TOML) as stellar-core reads it: table QUORUM_SET, or arrays of tables
 * HOME_DOMAINS and VALIDATORS. What stellar-core would refuse has a problem. Never throws.
 */
export function readQuorumSet(text: string): QuorumReading {
  if (text.length > TEXT_LENGTH_MAX) return { problem: `it is longer than ${TEXT_LENGTH_MAX} characters` };
  try {
    return { set: setIn(fieldsOf(parse(text, { integersAsBigInt: true }))) };
  } catch (error) {
    return { problem: problemOf(error, text) };
  }
}

/** NODE_HOME_DOMAIN of a text that need not be read otherwise; undefined where no line says it. */
export function homeDomainOf(text: string): string | undefined {
  const [, name] = text.match(/^[ \t]*NODE_HOME_DOMAIN[ \t]*=[ \t]*["']([^"'\n]{1,253})["']/m) ?? [];
  return name && ownText(name);
}

function setIn(text: Fields): QuorumSet {
  const { QUORUM_SET: byHand, VALIDATORS: validators, HOME_DOMAINS: domains } = text;
  const lists = validators !== undefined && !(Array.isArray(validators) && validators.length === 0);
  const isAutomatic = lists || (domains !== undefined && byHand === undefined);
  if (byHand === undefined && !isAutomatic)
    throw new QuorumProblem('neither [QUORUM_SET] nor [[VALIDATORS]] stands there', '');
  if (byHand !== undefined && isAutomatic && text.UNSAFE_QUORUM !== true)
    throw new QuorumProblem('[QUORUM_SET] and [[VALIDATORS]] both stand there', 'QUORUM_SET');
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
  if (error instanceof TomlError) return `line ${error.line}: it is no TOML`;
  return 'line 1: it cannot be read';
}
