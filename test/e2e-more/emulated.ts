/** Becomes a program of the arm64 image, run by qemu: `node emulated.ts <root of the image> <arguments of Node>`. */
import { join } from 'node:path';
import process from 'node:process';
import { NODE_PATH } from '../../scripts/image/files.ts';

const [root = '', ...args] = process.argv.slice(2);
// Replace this process, so that each signal reaches the program.
process.execve?.('/usr/bin/env', ['env', 'qemu-aarch64', '-L', root, join(root, NODE_PATH), ...args]);
