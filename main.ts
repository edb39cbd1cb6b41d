#!/usr/bin/env node
/**
 * The program: hands arguments, environment and streams to the command that they name, and alone ends the process.
 */
import process from 'node:process';
import { COMMANDS } from './cli/commands.ts';
import { dispatch } from './cli/dispatch.ts';
import { complaintOf, exitCodeOf, UsageError } from './cli/exit.ts';
import { terminalOf } from './cli/terminal.ts';
import metadata from './package.json' with { type: 'json' };

const { env, argv } = process;
const terminal = terminalOf(process, env);
// Whoever reads a part of the output, as head does, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
try {
  const program = { commands: COMMANDS, version: metadata.version, env, terminal };
  process.exitCode = await dispatch(argv.slice(2), program);
} catch (error) {
  terminal.say(`stellar-peers: ${complaintOf(error)}`);
  if (error instanceof UsageError) terminal.say('See stellar-peers --help.');
  process.exit(exitCodeOf(error));
}
