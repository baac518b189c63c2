# `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

SOURCES := Package.swift Sources Snippets Tests Fuzz/Package.swift Fuzz/Sources \
  Benchmarks/Core/Package.swift Benchmarks/Core/Sources \
  Kubernetes/Package.swift Kubernetes/Sources Kubernetes/Tests
# Both are pinned on the command line where another one is needed.
SWIFT ?= swift
# Archives of C libraries, which come before the shared libraries of the system.
ARCHIVES := $(CURDIR)/.build/archives
RELEASE_FLAGS ?= -c release --static-swift-stdlib --product vipctl -Xswiftc -L$(ARCHIVES) -Xlinker -s

# A terminal shows a build's progress; a log only what went wrong.
QUIET := $(shell test -t 1 || echo --quiet)
# Of a test run only what a person wants to read: failures with what is said of them, skips and the
# closing line. V=1: all.
BRIEF := $(if $(V),cat,awk '/^↳/ { if (shown) print; next } \
  { shown = !/^(◇|\[|✔ Suite|✔ Test )/ || /^✔ Test run with/ } \
  shown && !/^[^✘].* started\.$$/ { print; fflush() }')
# Test targets in which tests wait for processes, threads or the kernel.
WAITING := ARPTests CGuardTests NetlinkTests TidyTests VIPChecksTests VIPControlTests VIPReportsTests \
  VIPServiceTests VIPTests vipctlTests
# Of the suites of NetworkTests, those that are run beside the others: about half of the time.
FIRST_HALF := ^NetworkTests\.NetworkTests/[A-H]
step = printf '\n== %s\n' "$(1)"

.PHONY: help demo test test-kubernetes bench fuzz mutation-check build release image format lint api clean \
  install uninstall install-dependencies

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	  while IFS= read -r line; do printf '  make %-15s %s\n' "$${line%%:*}" "$${line##*## }"; done

demo: install-dependencies ## three nodes and a client on one machine: failover with measured times
	@Scripts/demo

test: install-dependencies lint ## everything that continuous integration checks
	@$(call step,build)
	@$(SWIFT) build $(QUIET) --build-tests --explicit-target-dependency-import-check error
	@$(call step,tests)
	@# One target after the other: tests that compute for minutes starve those that wait for something.
	@for target in $(notdir $(wildcard Tests/*Tests)); do \
	  case $$target in NetworkTests) continue;; esac; \
	  case ' $(WAITING) ' in *" $$target "*) order=--no-parallel;; *) order=;; esac; \
	  printf -- '-- %s\n' "$$target"; \
	  $(SWIFT) test --skip-build --disable-xctest $$order --filter "^$$target\." 2>&1 | $(BRIEF) || exit 1; \
	done
	@# On their own, so that nothing else takes the processor from what they measure; in two halves at the
	@# same time, since they wait most of it.
	@$(call step,tests in network namespaces)
	@$(SWIFT) test --skip-build --ignore-lock --disable-xctest --filter '$(FIRST_HALF)' \
	    >.build/network-tests.log 2>&1 & \
	  first=$$!; trap "kill $$first 2>/dev/null || true" EXIT; \
	  $(SWIFT) test --skip-build --ignore-lock --disable-xctest --filter '^NetworkTests\.' \
	    --skip '$(FIRST_HALF)' \
	    2>&1 | $(BRIEF) || failed=1; \
	  wait $$first || failed=1; \
	  $(BRIEF) <.build/network-tests.log; exit $${failed:-0}

# IMAGE=on: where there is a control plane, the program runs in containers, from the image.
test-kubernetes: $(if $(filter on,$(IMAGE)),image)
test-kubernetes: install-dependencies ## the package in Kubernetes/: its tests; CLUSTER=off: without a control plane
	@$(call step,tests of the package in Kubernetes)
	@# All of it: the tests with a control plane run the program that lies beside them.
	@$(SWIFT) build $(QUIET) --build-tests --package-path Kubernetes
	@# One target after the other here, too: those that compute starve those that wait for something.
	@for target in $(notdir $(wildcard Kubernetes/Tests/*Tests)); do \
	  case $$target in ClusterTests) continue;; esac; \
	  printf -- '-- %s\n' "$$target"; \
	  $(SWIFT) test --skip-build --disable-xctest --package-path Kubernetes --filter "^$$target\." \
	    2>&1 | $(BRIEF) || exit 1; \
	done
	@# The lab is large: only root, who alone can run it, gets it.
	@if test '$(CLUSTER)' = off; then \
	  echo 'CLUSTER=off: the tests against a control plane are left out'; exit; \
	fi; \
	if test "$$(id -u)" = 0; then printf -- '-- the lab\n'; Kubernetes/Lab/kube-lab build; fi; \
	if test '$(IMAGE)' = on; then \
	  Scripts/install-dependencies --image; \
	  export VIP_CLUSTER_IMAGE=$$PWD/Kubernetes/.build/vipctl-kubernetes.tar; \
	fi; \
	printf -- '-- ClusterTests\n'; \
	$(SWIFT) test --skip-build --disable-xctest --package-path Kubernetes --filter '^ClusterTests\.' \
	  2>&1 | $(BRIEF)

bench: install-dependencies ## outages, processor time and memory beside keepalived's
	@Benchmarks/failover
	@Benchmarks/guarantees
	@Benchmarks/scale
	@$(call step,the pure modules)
	@$(SWIFT) run $(QUIET) --package-path Benchmarks/Core -c release CoreBenchmarks

fuzz: install-dependencies ## arbitrary packets, events and scenarios, FUZZ_SECONDS=20 for each
	@$(call step,fuzz)
	@Fuzz/run $(or $(FUZZ_SECONDS),20)

mutation-check: install-dependencies ## break election and node in many ways and see that tests notice
	@Scripts/mutation-check

build: install-dependencies ## debug build of everything
	@$(SWIFT) build $(QUIET) --explicit-target-dependency-import-check error

release: install-dependencies ## optimised vipctl that needs no Swift runtime, in .build/release
	@Scripts/static-archives '$(ARCHIVES)'
	@$(SWIFT) build $(QUIET) $(RELEASE_FLAGS)

image: install-dependencies ## container image for a cluster, without a daemon: Kubernetes/.build/vipctl-kubernetes.tar
	@# Not with --static-swift-stdlib: two programs share what would be in each of them.
	@for program in vipctl-kubernetes vipctl; do \
	  $(SWIFT) build $(QUIET) --package-path Kubernetes -c release --product $$program; \
	done
	@Kubernetes/Scripts/build-image

format: ## put all sources into the house style
	@$(SWIFT) format --in-place --recursive $(SOURCES)

lint: ## complain about what is not in the house style
	@$(call step,lint)
	@$(SWIFT) format lint --strict --recursive $(SOURCES)

# For packages: DESTDIR is put before every path and is no part of any.
PREFIX ?= /usr/local
BINARY ?= .build/release/vipctl
share := $(DESTDIR)$(PREFIX)/share
units := $(DESTDIR)$(PREFIX)/lib/systemd/system
installed := $(DESTDIR)$(PREFIX)/bin/vipctl $(share)/man/man8/vipctl.8 \
  $(share)/bash-completion/completions/vipctl $(share)/zsh/site-functions/_vipctl \
  $(share)/fish/vendor_completions.d/vipctl.fish $(share)/vipctl/configuration.schema.json \
  $(units)/vipctl.service

install: ## what 'make release' built, manual page, schema, completions, unit: PREFIX=/usr/local DESTDIR=
	@test -x '$(BINARY)' || { echo "install: there is no $(BINARY); run 'make release' first" >&2; exit 1; }
	@install -D -m 755 '$(BINARY)' '$(DESTDIR)$(PREFIX)/bin/vipctl'
	@install -D -m 644 Docs/vipctl.8 '$(share)/man/man8/vipctl.8'
	@install -D -m 644 Docs/configuration.schema.json '$(share)/vipctl/configuration.schema.json'
	@install -d '$(share)/bash-completion/completions' '$(share)/zsh/site-functions' \
	  '$(share)/fish/vendor_completions.d' '$(units)'
	@'$(BINARY)' --generate-completion-script bash > '$(share)/bash-completion/completions/vipctl'
	@'$(BINARY)' --generate-completion-script zsh > '$(share)/zsh/site-functions/_vipctl'
	@'$(BINARY)' --generate-completion-script fish > '$(share)/fish/vendor_completions.d/vipctl.fish'
	@sed 's|/usr/local/bin/|$(PREFIX)/bin/|' Examples/systemd/vipctl.service > '$(units)/vipctl.service'
	@printf 'installed %s\n' $(installed)

uninstall: ## remove what 'make install' with the same PREFIX and DESTDIR has put there
	@rm -f $(installed)

api: install-dependencies ## write down what the products offer now: Docs/API, to be read as a review
	@$(SWIFT) build $(QUIET) --build-tests
	@VIP_UPDATE_API=1 $(SWIFT) test --skip-build --disable-xctest --filter '^TidyTests\.PublicSurface' \
	  2>&1 | $(BRIEF)

clean: ## remove what was built
	@rm -rf .build

install-dependencies:
	@Scripts/install-dependencies
