#!/bin/sh
# Runs a command with a Node that runs TypeScript: the host's from 24.12 on, else the one that npm installed.
cd "$(dirname "$0")/.." || exit 1
fits='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 24 || (a === 24 && b >= 12) ? 0 : 1)'
node -e "$fits" 2>/dev/null || PATH="$PWD/node_modules/.bin:$PATH"
exec "$@"
