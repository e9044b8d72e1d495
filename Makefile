# make build    the program, in bin/
# make test     everything that needs no other program: vet, format, lint, architecture,
#               tests, a short run of every fuzz target, drift of generated documents
# make e2e      official clients, pinned, from npm, through the built program (Linux)
# make api-fuzz a property-based client, pinned, made from the API's description, against a real server
# make deploy   what deploy/ shows, run for real: the systemd unit, nginx in front of a server, the image
# make image    a container image, without a container engine, in dist/
# make bench    the gateway beside a bare reverse proxy, run beside true, and a server's crowd of users
#               beside a bare reading of its rows, as ratios in one table
# make benchmarks   every Go benchmark
# make docs     the generated reference
# make fuzz     every fuzz target for longer: FUZZTIME=5m
# Variables: GO, FUZZTIME (3s), RACE (-race; empty: off), TESTFLAGS, BENCHFLAGS, EXAMPLES (10, of api-fuzz).

GO ?= go
FUZZTIME ?= 3s
RACE ?= -race
TESTFLAGS ?=
BENCHFLAGS ?=
EXAMPLES ?= 10
TOOL := $(GO) tool -modfile=tools/go.mod
SOURCES := api client cmd deploy e2e/*.go failover internal keyfobtest scripts

export CGO_ENABLED ?= 1
export GOFLAGS ?= -buildvcs=false

.PHONY: build test need vet fmt lint cross arch unit drift docs fuzz short-fuzz e2e clients api-fuzz deploy image bench benchmarks clean

build: need
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/ ./cmd/keyfob

test: need fmt vet cross lint arch unit short-fuzz drift

# need says at once what is missing, and how to get it.
need:
	@scripts/need go $(if $(RACE),cc)

fmt:
	@out=$$(gofmt -l $(SOURCES)); test -z "$$out" || { echo "not formatted; run gofmt -w on:"; echo "$$out"; exit 1; }

vet:
	$(GO) vet ./...
	$(GO) vet -tags e2e ./e2e/
	$(GO) vet -tags deploy ./deploy/

# The platforms that nobody here runs on: at least they build and vet.
cross:
	CGO_ENABLED=0 GOOS=darwin $(GO) vet ./...
	CGO_ENABLED=0 GOOS=windows $(GO) vet ./...

lint:
	$(TOOL) staticcheck ./...
	$(TOOL) staticcheck -tags e2e ./e2e/
	$(TOOL) staticcheck -tags deploy ./deploy/

arch:
	$(GO) test ./internal/arch

# SQLite's machine code, translated from C, keeps its data outside what the race
# detector watches: watching it would take most of the time and find nothing.
# Nothing is taken from the cache of results, which does not see that the program
# changed that some tests build and run.
unit:
	$(GO) run ./scripts/testrun $(RACE) $(if $(RACE),'-gcflags=modernc.org/...=-race=false') -count 1 -timeout 10m $(TESTFLAGS) ./...

short-fuzz:
	$(GO) run ./scripts/fuzzrun -time $(FUZZTIME)

fuzz:
	$(GO) run ./scripts/fuzzrun -time $(if $(filter 3s,$(FUZZTIME)),2m,$(FUZZTIME))

docs:
	$(GO) generate ./internal/cli ./internal/httpapi/openapi

# drift fails if generated documents are not what the source would give now.
drift:
	@scripts/drift

clients:
	@scripts/need npm
	cd e2e && npm ci --no-audit --no-fund --ignore-scripts

e2e: need clients
	$(GO) run ./scripts/testrun -tags e2e -count 1 -timeout 10m $(TESTFLAGS) ./e2e/

api-fuzz: need
	@scripts/need python3
	$(GO) run ./scripts/apifuzz -examples $(EXAMPLES)

deploy: need
	@scripts/need nginx systemd-analyze skopeo
	$(GO) run ./scripts/testrun -tags deploy -count 1 -timeout 10m $(TESTFLAGS) ./deploy/

image: need
	$(GO) run ./scripts/image -out dist

bench: need
	$(GO) run ./internal/bench $(BENCHFLAGS)

benchmarks: need
	$(GO) test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin dist e2e/node_modules
