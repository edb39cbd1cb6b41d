#!/usr/bin/env node
/** The program: passes the process to the command. Only this file ends the process. */
import process from 'node:process';
// Import this first, so that signals count while the other files are loaded.
import './app/start-signals.ts';
import { runProgram } from './cli/program.ts';
import { terminalOf } from './cli/terminal.ts';

const { env, argv } = process;
// EPIPE is no failure: a reader such as head has seen enough of the output.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const { code, failed } = await runProgram(argv.slice(2), { env, terminal: terminalOf(process, env) });
if (failed) process.exit(code);
process.exitCode = code;
