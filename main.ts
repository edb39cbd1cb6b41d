#!/usr/bin/env node
/**
 * The program: hands arguments, environment and streams to the command that they name, and alone ends the process.
 */
import process from 'node:process';
// First of ours: signals count while the rest is loaded.
import './app/start-signals.ts';
import { runProgram } from './cli/program.ts';
import { terminalOf } from './cli/terminal.ts';

const { env, argv } = process;
// A program that reads a part of the output, as head does, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const { code, failed } = await runProgram(argv.slice(2), { env, terminal: terminalOf(process, env) });
if (failed) process.exit(code);
process.exitCode = code;
