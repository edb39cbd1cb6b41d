#!/bin/sh
# Says in one sentence what is missing before anything else is tried. Go is asked for only where it is needed.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  echo "$1 is missing: install $2, then try again." >&2
  exit 1
}
need git "git"
need node "Node.js 20 or newer (a newer one for the project itself comes with npm)"
need npm "npm, which comes with Node.js"
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
if [ "${major:-0}" -lt 20 ]; then
  echo "Node.js $(node --version) is too old: install Node.js 20 or newer, then try again." >&2
  exit 1
fi
