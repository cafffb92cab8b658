# `make` alone lists the targets. Needs Go, make, a C compiler (for Vault) and a POSIX system's usual
# tools; anything else is pinned in tools/ and built when it is first needed.

.DEFAULT_GOAL := help
.PHONY: help build demo dev test prometheus browser short soak chaos cluster bench fuzz lint fmt clean

MODULES := . e2e browser bench tools/prometheus

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## Build bin/: the plugin (static, reproducible), the sandbox and the import
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

demo: build ## Five token endpoints, one Vault: the whole product, 20 seconds once it is compiled
	@scripts/demo.sh

dev: build ## The same, left running until Ctrl-C, with the exports to use it
	@scripts/demo.sh --stay

test: build ## Unit tests, then the built plugin in a real Vault, and its pages in a real browser
	@echo '==> Unit tests'
	go test ./...
	@echo '==> End to end: the built plugin, a real Vault, the sandbox'
	@VAULT_BIN="$$(scripts/vault.sh)" && export VAULT_BIN && \
		echo "VAULT_BIN=$$VAULT_BIN" && cd e2e && set -x && go test ./... -count=1 -timeout 30m
	@echo '==> The alerts and the dashboard: the rule engine of Prometheus'
	@$(PROMETHEUS)
	@echo '==> The pages: the built plugin, a real Vault, Chromium'
	@$(BROWSER)

prometheus: ## The alerts and the dashboard in examples/prometheus alone (DOCS=1 rewrites the dashboard)
	@$(PROMETHEUS)

PROMETHEUS = PROMTOOL="$$(scripts/prometheus.sh)" && export PROMTOOL && echo "PROMTOOL=$$PROMTOOL" && \
	cd tools/prometheus && set -x && $(if $(DOCS),go test ./dashboard -count=1 -update && )go test ./... -count=1 -timeout 15m

browser: build ## The pages in a real browser alone (DOCS=1 rewrites their pictures in docs/images)
	@$(BROWSER)

BROWSER = VAULT_BIN="$$(scripts/vault.sh)" && export VAULT_BIN && CHROME_BIN="$$(scripts/chromium.sh)" && export CHROME_BIN && \
	echo "CHROME_BIN=$$CHROME_BIN" && cd browser && set -x && go test ./... -count=1 -timeout 15m \
	$(if $(DOCS),-args -screenshots ../docs/images)

short: build ## Every end-to-end test, with fewer rounds of those that take long: under 4 minutes on a busy machine
	@VAULT_BIN="$$(scripts/vault.sh)" && export VAULT_BIN && cd e2e && set -x && go test -short ./... -count=1 -timeout 15m

RUNS := 20
SUITE := short
soak: ## Run a suite (SUITE=short, whole or unit) again and again (RUNS=20), with every processor kept busy beside it
	@scripts/soak.sh $(RUNS) $(SUITE)

ROUNDS := 300
SEQUENCES := 10000
chaos: ## Kill the plugin at every step of a refresh, hundreds of times: docs/crashes.md (DOCS=1 rewrites it)
	go test ./grant -count=1 -run TestNoSequenceLoses -timeout 30m -args -sequences $(SEQUENCES)
	go test ./chaos -count=1 -v -timeout 30m -parallel 8 -rounds $(ROUNDS) -long \
		$(if $(SEED),-seed $(SEED)) $(if $(DOCS),-docs ../docs/crashes.md)

cluster: ## Kill the leaders of a real cluster, and tell the long story: the last table of docs/crashes.md
	@VAULT_BIN="$$(scripts/vault.sh)" && export VAULT_BIN && cd e2e && set -x && \
		LEADER_KILLS=30 STORY_SECONDS=300 go test -run 'TestLeaderKilled|TestLongStory' -count=1 -v -timeout 60m .

lint: ## gofmt, go vet, staticcheck and govulncheck on every module
	@echo '==> gofmt'
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	@set -e; for module in $(MODULES); do \
		echo "==> $$module: go vet";      (cd $$module && go vet ./...); \
		echo "==> $$module: staticcheck"; (cd $$module && go tool -modfile="$(CURDIR)/tools/lint/go.mod" staticcheck ./...); \
		echo "==> $$module: govulncheck"; scripts/vulncheck.sh $$module; \
	done

bench: build ## Measure side by side with plugins that only answer: docs/performance.md (DOCS=1 rewrites it)
	go test . ./client ./index -run '^$$' -bench . -benchtime 300ms
	go test ./schedule -count=1 -run TestACrowdIsRefreshedInTime -args -crowd 100000
	cd bench && CGO_ENABLED=0 go build -trimpath -o ../bin/ . ./baseline
	@VAULT_BIN="$$(scripts/vault.sh)" && set -x && bin/bench -vault "$$VAULT_BIN" -bin bin $(if $(DOCS),-write docs/performance.md)

FUZZTIME := 1m
fuzz: ## Fuzz answers, PFX, PEM and URL templates, a minute each; what is found joins client/testdata/fuzz
	@set -e; for target in FuzzAnswer FuzzParsePFX FuzzParsePEM FuzzEndpoints; do \
		echo "==> $$target"; go test ./client -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x \
			-args -test.fuzzcachedir="$(CURDIR)/client/testdata/fuzz"; \
	done

fmt: ## Format the Go code
	gofmt -w .

clean: ## Remove bin/ (the cached Vault stays in ~/.cache)
	rm -rf bin
