#!/bin/sh
# Tests that need more than the prerequisites. The last line says what was not run and why; with CI=true
# anything not run is a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
not_run=""

# The script that merges configurations, under each shell that an image may have.
for program in dash busybox bash; do
  command -v "$program" >/dev/null 2>&1 ||
    not_run="$not_run the merge script under $program ($program is not installed);"
done
echo "test-all: the merge script under all shells that are here"
sh scripts/run.sh node --test --test-reporter=spec test/unit/peers/merge-script.test.ts \
  test/unit/peers/merge-folder.test.ts || exit 1

if [ -z "$not_run" ]; then
  echo "test-all: nothing was left out."
  exit 0
fi
echo "test-all: not run:$not_run"
[ "${CI:-}" != true ]
