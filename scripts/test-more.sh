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

# Why cert-manager's controllers cannot be built here; nothing where they could be, so that what failed is our own.
no_cert_manager() {
  if ! command -v go >/dev/null 2>&1; then
    echo "Go is not installed"
  else
    (cd test/certmanager && GOTOOLCHAIN=local GOWORK=off GOFLAGS='' go list -deps . 2>&1 >/dev/null) | grep -v '^go: downloading' | tail -n 1
  fi
}

# Certificates by cert-manager's own controllers, which are built with Go from modules of theirs.
echo "test-all: certificates by cert-manager, whose controllers are built first (the first time: minutes)"
if sh scripts/run.sh node scripts/setup.mjs --only cert-manager; then
  sh scripts/run.sh node --test --test-timeout=900000 --test-reporter=spec 'test/e2e-more/*.test.ts' || exit 1
else
  why=$(no_cert_manager)
  [ -n "$why" ] || exit 1
  not_run="$not_run certificates by cert-manager ($why);"
fi

# The status page in a real browser, with a control plane behind it.
if command -v chromium >/dev/null 2>&1; then
  echo "test-all: the status page in Chromium"
  sh scripts/run.sh node --test --test-timeout=600000 --test-reporter=spec 'test/browser/*.test.ts' || exit 1
else
  not_run="$not_run the status page in a browser (chromium is not installed);"
fi

if [ -z "$not_run" ]; then
  echo "test-all: nothing was left out."
  exit 0
fi
echo "test-all: not run:$not_run"
[ "${CI:-}" != true ]
