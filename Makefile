# Everything a person does here; each target is a line or two. Prerequisites: git, Node 20 with npm, Go 1.26.
.DEFAULT_GOAL := help
.PHONY: help node setup check bundle image manifests executables release mutants sim fuzz test test-all test-oldest node-test real-node bench-webhook bench-cluster bench-reconcile bench demo soak cluster sbom clean
run := sh scripts/run.sh
setup := sh scripts/require.sh && node scripts/setup.mjs

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

node: # The npm packages alone, with a recent Node among them
	@$(setup) --only node

setup: ## Get all that is needed: npm packages, and a Kubernetes control plane (first time: minutes)
	@$(setup)

check: node ## Format, lint, types, import rules and unit tests, without a cluster: two minutes
	@$(run) node scripts/test.ts check

bundle: node ## Write dist/stellar-peers.mjs: the program in one file, as the image runs it
	@$(run) npm run -s bundle

image: bundle ## Write dist/image and dist/image.tar: the image, for amd64 and arm64, without a container engine
	@$(run) node scripts/sbom.ts
	@$(run) node scripts/image.ts $(if $(IMAGE),--name '$(IMAGE)')

manifests: setup ## Write dist/install.yaml, and one file for each other installation (IMAGE=registry/name:tag)
	@$(run) node scripts/manifests.ts $(if $(IMAGE),--image '$(IMAGE)')

executables: node ## Write dist/executables: the command as one file for Linux and macOS, amd64 and arm64
	@$(run) node scripts/executables.ts

release: setup ## Write dist/release: all files of a release (VERSION=1.2.3, REPOSITORY=https://…, IMAGE=registry/name:tag)
	@$(run) node scripts/release.ts '$(VERSION)' --repository '$(REPOSITORY)' $(if $(IMAGE),--image '$(IMAGE)')

mutants: node ## Put one known bug after the other into a copy: each must be noticed
	@$(run) node test/mutants/run.ts

sim: node ## Play random histories against the reconciler (SEED=n replays one, SEEDS=n plays n)
	@SEED='$(SEED)' SEEDS='$(SEEDS)' $(run) node test/sim/run.ts

fuzz: node ## Send reviews of any content to the webhook (FUZZ_CASES=100000, FUZZ_SEED=n)
	@FUZZ_CASES='$(FUZZ_CASES)' FUZZ_SEED='$(FUZZ_SEED)' $(run) node test/unit/fuzz/run.ts

test: setup ## What to run before a commit: check, simulation, the main promises on a real control plane: 5 minutes
	@$(run) node scripts/test.ts test

test-all: test ## Everything: test, all promises on real control planes, and what needs more than the prerequisites
	@$(run) node scripts/test.ts rest

node-test: setup ## The product as it is shipped, in containers on two real kubelets (as root, on Linux)
	@$(run) node scripts/test.ts node

test-oldest: setup ## The main promises, and the tests of policies, attacks, installs and GitOps, on the oldest Kubernetes that we support
	@$(setup) --only oldest
	@$(run) npm run -s test:oldest

bench-webhook bench-cluster bench-reconcile: # One of the benchmarks
	@$(MAKE) bench ONLY=$(patsubst bench-%,%,$@)

bench: setup bundle ## Measure what docs/operations.md names, and compare (ONLY=webhook, SAVE=1, VALIDATORS=100,1000, NOISE_SECONDS=300)
	@VALIDATORS='$(VALIDATORS)' NOISE_SECONDS='$(NOISE_SECONDS)' $(run) node test/bench/compare.ts $(ONLY) $(if $(SAVE),--save)

demo: setup $(if $(filter real,$(NODE)),real-node image) ## Watch it work: three validators, a fourth, a deleted pod, a pause (BREAK=budget shows a failure; NODE=real: with containers)
	@BREAK='$(BREAK)' $(run) node $(if $(filter real,$(NODE)),test/node/run.ts --program test/demo/real.ts,test/demo/main.ts)

real-node: node # What kubelets with containers need
	@$(setup) --only real-node

soak: setup ## Break everything in turn under load and count what fails (SOAK_MINUTES=10, SEED=n)
	@SOAK_MINUTES='$(SOAK_MINUTES)' SEED='$(SEED)' $(run) node test/soak/main.ts

cluster: setup ## A control plane to try things on, until Ctrl-C (INSTALL=yes: with stellar-peers in it)
	@INSTALL='$(INSTALL)' $(run) node test/cluster/main.ts

sbom: node ## Write the bill of materials and the licences of what a replica runs into dist/
	@$(run) node scripts/sbom.ts

clean: ## Remove what was installed and linked here; the cache outside the checkout stays
	rm -rf node_modules .cache .run dist
