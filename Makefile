# SPDX-License-Identifier: Apache-2.0
# Carillon: every check and every report starts here. `make help` lists targets and variables.
# Each target sets up what it needs: the first call on a fresh machine takes a few minutes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3## Python 3.11 or newer, with a shared libpython, for the virtual environment
SIM ?=## simulator: icarus, verilator, or empty for both
K ?=## only tests, proofs or benches whose name matches, as in pytest's -k
SEED ?=## seed that replays a run, or 'random'; empty: fixed by the test's name
SEEDS ?= 3## number of seeds a scenario, for `make regress`
TEST ?=## test whose waves to show, for `make waves` ('demo-queues': the demo's second act)
FILE ?=## file to move, for `make demo`
CONFIG ?=## only the synthesis configurations whose name contains this
JOBS ?= 2## tests, proofs and place-and-route runs at a time
WAVES ?=## 1 records waves in every simulation
NETLIST ?=## 1 runs module tests on the netlist's gates instead of the RTL, 'words' before mapping to gates
FORCE ?=## 1 runs proofs and synthesis even where a cached result exists
export SIM K SEED TEST FILE CONFIG JOBS WAVES NETLIST FORCE

PY := .venv/bin/python
LOCK_ID := $(shell sha256sum requirements.lock 2>/dev/null | cut -c1-16)
STAMP := .venv/.installed-$(LOCK_ID)
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH="$(CURDIR)" $(PY)

# -------------------------------------------------------------------------------- bad input
fail = $(error $(1))
ifneq ($(filter-out icarus verilator both all,$(SIM)),)
$(call fail,SIM=$(SIM) is not known. Use SIM=icarus or SIM=verilator; leave it empty for both)
endif
ifneq ($(words $(SIM)),$(if $(SIM),1,0))
$(call fail,SIM takes one simulator: SIM=icarus or SIM=verilator)
endif
ifneq ($(shell [[ '$(SEED)' =~ ^([0-9]+|0x[0-9a-fA-F]+|random)?$$ ]] || echo bad),)
$(call fail,SEED=$(SEED) is neither a number nor 'random')
endif
ifneq ($(shell [[ '$(JOBS)' =~ ^[1-9][0-9]*$$ ]] || echo bad),)
$(call fail,JOBS=$(JOBS) is not a positive number)
endif
ifneq ($(shell [[ '$(SEEDS)' =~ ^[1-9][0-9]*$$ ]] || echo bad),)
$(call fail,SEEDS=$(SEEDS) is not a positive number)
endif

.PHONY: help
help: ## list targets and variables
	@echo "Carillon: a multi-channel DMA engine with an emulated RDMA link between controllers"
	@echo
	@echo "targets:"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "variables, as in 'make test SIM=verilator K=fifo':"
	@awk '/^[A-Z]+ \?=.*## /{split($$0, part, "## "); split(part[1], name, " [?]= ?"); \
	  printf "  %-12s %s%s\n", name[1], part[2], name[2] == "" ? "" : " (default: " name[2] ")"}' \
	  $(firstword $(MAKEFILE_LIST))

# ------------------------------------------------------------------------------------ set-up
.PHONY: setup
setup: ready ## install everything into .venv, and compile the WebAssembly tools once
	@$(RUN) -m tools.setup --warm
	@echo "ready; 'make demo' shows the hardware at work, 'make test' checks it"

.PHONY: ready
ready: $(STAMP)
	@$(RUN) -m tools.setup

$(STAMP): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed; install Python 3.11 or newer, or name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V); Carillon needs 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. Run: sudo apt-get install -y python3-venv" >&2; exit 1; }
	@echo "installing the pinned Python packages into .venv (a minute or two)"
	@test -x $(PY) && $(PY) -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock 2> >(grep -v "is ignored: it is neither a file nor a directory" >&2)
	@rm -f .venv/.installed-*
	@touch $@

.PHONY: lock
lock: ready ## resolve requirements.in anew into requirements.lock (for maintainers)
	@$(PYTHON) -m venv --clear build/lock && build/lock/bin/pip -q install pip-tools
	@build/lock/bin/pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header \
	  -o build/lock/requirements.lock requirements.in
	@{ echo '# Resolved from requirements.in by `make lock`; every file is pinned by its hash.'; \
	   echo '# SPDX-License-Identifier: Apache-2.0'; cat build/lock/requirements.lock; } > requirements.lock

.PHONY: doctor
doctor: $(STAMP) ## say what is missing or too old on this machine, and how to mend it
	@$(RUN) -m tools.doctor

# ------------------------------------------------------------------------------------- checks
.PHONY: demo
demo: ready ## move a real file between two controllers, share a namespace, check both (FILE=…)
	@$(RUN) -m tools.demo $(if $(FILE),--file "$$FILE")

.PHONY: test
test: ready ## all tests: models, modules, systems, quick proofs, tooling (SIM=… K=… SEED=…)
	@mkdir -p build/test
	@status=0; $(RUN) -m pytest -n $(JOBS) --dist worksteal --junitxml=build/test/junit.xml \
	  $(if $(K),-k "$$K",-m "not sweep") || status=$$?; \
	if [ $$status = 5 ]; then echo "No test ran$(if $(K),: none matches K=$$K). Try 'pytest --collect-only -q' for the names." >&2; fi; \
	exit $$status

.PHONY: lint
lint: ready ## Verilator and Yosys on every top level, house rules, ruff; any warning fails
	@$(RUN) -m tools.lint

.PHONY: regs
regs: ready ## generate RTL constants, Python, C and documentation from rtl/regs
	@$(RUN) -m tools.regs

.PHONY: regs-check
regs-check: ready ## fail when a generated file differs from what rtl/regs says
	@$(RUN) -m tools.regs --check

.PHONY: formal
formal: ready ## all proofs, with a table (K=… FORCE=1)
	@$(RUN) -m tb.formal.run -j $(JOBS) $(if $(K),-k "$$K") $(if $(FORCE),--force)

.PHONY: synth
synth: ready ## area and speed on ECP5 with Yosys and nextpnr, three seeds (CONFIG=… FORCE=1)
	@$(RUN) -m syn.run -j $(JOBS) $(if $(CONFIG),--config "$$CONFIG") $(if $(FORCE),--force)

.PHONY: bench
bench: ready ## cycles against the bound of physics, with the rivals beside (K=…)
	@$(RUN) -m tb.bench $(if $(K),--only "$$K") $(if $(filter icarus verilator,$(SIM)),--sim $(SIM))

.PHONY: regress
regress: ready ## the whole sweep with seeds and coverage; hours (K=… SEEDS=…)
	@$(RUN) -m tb.regress --coverage --jobs $(JOBS) --seeds $(SEEDS) $(if $(K),--only "$$K")

# -------------------------------------------------------------------------------------- people
.PHONY: waves
waves: ready ## run TEST=… again with waves and open them in GTKWave
	@$(RUN) -m tools.waves "$$TEST"

.PHONY: docs
docs: ready ## HTML of docs/ in build/docs
	@test -f docs/conf.py || { echo "docs/conf.py is missing, so Sphinx can't build the documentation." >&2; exit 1; }
	@$(RUN) -m sphinx -q -b html docs build/docs && echo "build/docs/index.html"

.PHONY: clean
clean: ## remove build/ (the virtual environment stays; remove .venv by hand)
	@rm -rf build
