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

# Why the package $2 cannot be built in the module $1 here; nothing where it could be, so that what failed is our own.
no_build() {
  if ! command -v go >/dev/null 2>&1; then
    echo "Go is not installed"
  else
    (cd "$1" && GOTOOLCHAIN=local GOWORK=off GOFLAGS='' go list -deps "$2" 2>&1 >/dev/null) | grep -v '^go: downloading' | tail -n 1
  fi
}

# The chart, by helm, which is built with Go too.
echo "test-all: the chart, by helm, which is built first (the first time: minutes)"
if sh scripts/run.sh node scripts/setup.mjs --only helm; then
  sh scripts/run.sh node --test --test-concurrency=1 --test-timeout=600000 --test-reporter=spec 'test/e2e-more/helm/*.test.ts' || exit 1
else
  why=$(no_build test/helm helm.sh/helm/v4/cmd/helm)
  [ -n "$why" ] || exit 1
  not_run="$not_run the chart by helm ($why);"
fi

# Certificates by cert-manager's own controllers, which are built with Go from modules of theirs.
echo "test-all: certificates by cert-manager, whose controllers are built first (the first time: minutes)"
if sh scripts/run.sh node scripts/setup.mjs --only cert-manager; then
  sh scripts/run.sh node --test --test-timeout=900000 --test-reporter=spec test/e2e-more/cert-manager.test.ts || exit 1
else
  why=$(no_build test/certmanager .)
  [ -n "$why" ] || exit 1
  not_run="$not_run certificates by cert-manager ($why);"
fi

# The alerts: by promtool on made-up series, and by a Prometheus that scrapes two replicas.
if command -v promtool >/dev/null 2>&1 && command -v prometheus >/dev/null 2>&1; then
  echo "test-all: the alerts and the dashboard, by a real Prometheus"
  promtool check rules manifests/monitoring/alerts.yaml || exit 1
  promtool test rules test/monitoring/alerts.test.yaml || exit 1
  sh scripts/run.sh node --test --test-timeout=600000 --test-reporter=spec test/e2e-more/prometheus.test.ts || exit 1
else
  not_run="$not_run alerts and dashboard in a real Prometheus (prometheus is not installed);"
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
