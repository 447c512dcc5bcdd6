# Everything people and CI do with this repository. It needs Go and make; the
# tools come from tools.mod, at the versions that it pins.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
IMAGE   ?= toolpit:dev
DOCKER  ?= docker
PKG     ?= ./...
T       ?= 30s
N       ?= 10000
SEED    ?= 0
REPORT  ?= bin/test.json
WINDOW  ?= 1500ms
ROUNDS  ?= 3
CONNS   ?= 1,16,64
MODE    ?= pinned,unpinned
BLOCK   ?= redis,sqlite,state,tensors,watch
KILLS   ?= 60s

TOOL    = go tool -modfile=tools.mod
LDFLAGS = -s -w -buildid= -X main.version=$(VERSION)
GOBUILD = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
KINDS   = types server client
MODULES = e2e powerloss

.PHONY: help build run test e2e e2e-local powerloss check generate generate-check lint format fuzz fuzz-api bench bench-scale profile image image-files reproducible clean

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## The static binary, bin/toolpit
	@mkdir -p bin
	$(GOBUILD) -o bin/toolpit ./cmd/toolpit

run: build ## Build and serve on http://127.0.0.1:8080, with data/toolpit.db (ARGS=--help for more)
	@exec bin/toolpit serve $(ARGS)

# What the machine lacks is skipped: gotestsum lists it at the end, with the
# reason. TOOLPIT_TEST_REQUIRE=redis,chromium,race makes it an error instead.
test: ## All tests, with the race detector where there is a C compiler (PKG=./internal/expr for some)
	@mkdir -p $(dir $(REPORT)); \
	find_any() { for name; do command -v "$$name" 2>/dev/null && return; done; return 1; }; \
	cc=$${CC:-$$(find_any cc gcc clang)}; \
	if [ -n "$$cc" ] && ! echo '#include <stdlib.h>' | $$cc -x c -c -o /dev/null - 2>/dev/null; then cc=; fi; \
	echo 'What the tests can use here:'; \
	if [ -n "$$cc" ]; then race=-race; echo "  C compiler    $$cc: with the race detector"; \
	else race=; echo '  C compiler    none: WITHOUT the race detector'; fi; \
	if redis=$$(find_any redis-server); then echo "  redis-server  $$redis"; \
	else echo '  redis-server  none: tests that need a Redis of their own are skipped'; fi; \
	if [ -n "$$TOOLPIT_TEST_REDIS" ]; then echo '  shared Redis  the one in TOOLPIT_TEST_REDIS'; fi; \
	if browser=$$(find_any chromium chromium-browser google-chrome); then echo "  browser       $$browser"; \
	else echo '  browser       none: tests of pages are skipped'; fi; \
	if numpy=$$(for p in python3 /usr/bin/python3; do "$$p" -c 'import numpy; print(numpy.__version__)' 2>/dev/null && break; done); \
	then echo "  NumPy         $$numpy"; else echo '  NumPy         none: tests of its file format are skipped'; fi; \
	if curl=$$(find_any curl); then echo "  curl          $$curl"; \
	else echo '  curl          none: the test of the README is skipped in part'; fi; \
	case ",$$TOOLPIT_TEST_REQUIRE," in *,race,*) \
	  if [ -z "$$race" ]; then echo 'TOOLPIT_TEST_REQUIRE wants the race detector' >&2; exit 1; fi;; \
	esac; \
	if [ -n "$$race" ]; then CGO_ENABLED=1; CC=$$cc; export CGO_ENABLED CC; fi; \
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg --jsonfile $(REPORT) -- \
	  -count=1 -shuffle=on -timeout=30m $$race $(TESTFLAGS) $(PKG)

# e2e/ is a module of its own, so that the service does not depend on what it
# takes to speak to Docker. -n names the tool as it was built for this module.
IN_E2E = tool=$$($(TOOL) -n gotestsum) && mkdir -p $(dir $(REPORT)) && cd e2e && \
  "$$tool" --format standard-verbose --jsonfile $(abspath $(REPORT)) -- -count=1 -timeout=10m $(TESTFLAGS)

e2e: image ## Kill and restart replicas in containers (TOOLPIT_TEST_REDIS_IMAGE, TOOLPIT_TEST_HAPROXY_IMAGE)
	@export TOOLPIT_IMAGE=$(IMAGE); $(IN_E2E) ./scenario ./containers

e2e-local: build ## The same with processes, no Docker: redis-server, haproxy (KILLS=60s)
	@export TOOLPIT_TEST_BINARY=$(CURDIR)/bin/toolpit TOOLPIT_E2E_TIME=$(KILLS); $(IN_E2E) ./scenario ./local

check: generate-check lint test ## What must pass before a commit

generate: ## Generate api/*.gen.go from api/openapi.yaml
	@set -e; for kind in $(KINDS); do \
	  $(TOOL) oapi-codegen -config api/oapi-$$kind.yaml api/openapi.yaml; \
	done

generate-check: ## Fail when api/*.gen.go is not what `make generate` makes
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; stale=; \
	for kind in $(KINDS); do \
	  sed "s|^output:.*|output: $$tmp/$$kind.gen.go|" api/oapi-$$kind.yaml >"$$tmp/$$kind.yaml"; \
	  $(TOOL) oapi-codegen -config "$$tmp/$$kind.yaml" api/openapi.yaml || exit 1; \
	  diff -u api/$$kind.gen.go "$$tmp/$$kind.gen.go" >"$$tmp/diff" || { head -n 40 "$$tmp/diff"; stale="$$stale api/$$kind.gen.go"; }; \
	done; \
	if [ -n "$$stale" ]; then echo "stale:$$stale; run 'make generate'" >&2; exit 1; fi

lint: ## gofmt, go vet, golangci-lint
	@bad=$$(gofmt -l api apifuzz bench cmd internal $(MODULES)); \
	if [ -n "$$bad" ]; then echo "not formatted; run 'make format':" >&2; echo "$$bad" >&2; exit 1; fi
	go vet ./...
	$(TOOL) golangci-lint run --allow-parallel-runners ./...
	lint=$$($(TOOL) -n golangci-lint) && for module in $(MODULES); do \
	  (cd $$module && go vet ./... && "$$lint" run --allow-parallel-runners ./...) || exit 1; \
	done

format: ## Format all Go files as lint wants them
	$(TOOL) golangci-lint fmt
	lint=$$($(TOOL) -n golangci-lint) && for module in $(MODULES); do (cd $$module && "$$lint" fmt) || exit 1; done

fuzz: ## Every fuzz target for T=30s
	@set -e; \
	for file in $$(find . -name '*_test.go' -exec grep -l '^func Fuzz' {} + | sort); do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
	    echo "$$name in $${file%/*}"; \
	    go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(T) "$${file%/*}"; \
	  done; \
	done

fuzz-api: build ## Broken calls of every operation, each answer held against the API document (N=10000, SEED=0 for any)
	@go build -o bin/apifuzz ./apifuzz
	@exec bin/apifuzz -n $(N) -seed $(SEED)

# What the columns mean is in the output. Half a minute is enough for one
# question: make bench WINDOW=1s CONNS=64 MODE=pinned BLOCK=redis
bench: build ## How fast it is, beside a bare server (WINDOW, ROUNDS, CONNS=64, MODE=pinned, BLOCK=redis)
	@go build -o bin/floor ./bench/floor && go build -o bin/bench ./bench
	@exec bin/bench -window $(WINDOW) -rounds $(ROUNDS) -conns $(CONNS) -mode $(MODE) -block $(BLOCK)

profile: ## Where a call spends a replica's own time, without network and store
	@mkdir -p bin
	go test ./internal/server -run '^$$' -bench Execute/short -benchtime 300000x -cpu 1 -cpuprofile bin/cpu.prof -o bin/server.test
	go tool pprof -top -cum -nodecount 60 bin/server.test bin/cpu.prof

bench-scale: build ## What 1, 2 and 4 replicas of a quarter of a core do together (as root, or after make image)
	@go build -o bin/bench ./bench
	@exec bin/bench -window 3s -rounds $(ROUNDS) -conns 16 -image $(IMAGE) -block scale

# It takes root and /dev/fuse. The same again: make powerloss POWERLOSS='-seed 1'
powerloss: ## What SQLite and Redis keep when the power goes, at 20 random instants each
	@mkdir -p bin
	$(TOOL) gotestsum --format standard-verbose --jsonfile bin/powerloss.json --raw-command -- \
	  go -C powerloss test -json -count=1 -timeout=15m ./... -args $(POWERLOSS)

# The binary is built here, not in the Dockerfile, so that nothing is pulled.
image: image-files ## The container image, IMAGE=toolpit:dev
	$(DOCKER) build -f deployments/Dockerfile -t $(IMAGE) .

image-files:
	@rm -rf bin/image && mkdir -p bin/image/data
	GOOS=linux $(GOBUILD) -o bin/image/toolpit ./cmd/toolpit

# In two places, and the second time without anything that was built before.
reproducible: ## Build the commit twice, once as for the image, and compare
	@tmp=$$(mktemp -d); trap 'chmod -R u+w "$$tmp"; rm -rf "$$tmp"' EXIT; set -e; \
	git clone -q . "$$tmp/one"; git clone -q . "$$tmp/another/place"; \
	$(MAKE) --no-print-directory -C "$$tmp/one" build; \
	GOCACHE="$$tmp/cache" $(MAKE) --no-print-directory -C "$$tmp/another/place" image-files; \
	cd "$$tmp"; sha256sum one/bin/toolpit another/place/bin/image/toolpit; \
	cmp one/bin/toolpit another/place/bin/image/toolpit && echo 'the two builds are the same'

clean: ## Remove what was built; data/ stays
	rm -rf bin
