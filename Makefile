# Everything a checkout is for: install it, try it, check it. `make` alone lists the targets.

PYTHON ?= python3
VENV = .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
RESTOBENCH = $(VENV)/bin/restobench
# A process of tests takes a thread and up to 2 GB of memory.
TEST_PROCESSES ?= 2

# One after the other, also under `make -j`: the output stays readable, and pip has one writer.
.NOTPARALLEL:
.PHONY: help install demo test test-slow lint format install-check guard check leaderboard bench

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make .venv and install restobench into it, editable (about 5 GB)

demo: install ## Restore and score the demo pictures with five methods; a second time restores nothing
	$(RESTOBENCH) run --method bicubic --method lanczos --method nearest --method resshift@tiny --dataset demo
	$(RESTOBENCH) run --method ufrgan@tiny --dataset demo-restoration
	$(RESTOBENCH) results --by kind --metrics psnr-y,ssim-y

test: $(VENV)/.installed-dev ## Run the tests; they need no network and no graphics card
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n $(TEST_PROCESSES) --dist loadfile

test-slow: $(VENV)/.installed-dev ## Run the longer proofs that `make test` leaves out
	HF_HUB_OFFLINE=1 $(VENV)/bin/pytest -m slow

lint: $(VENV)/.installed-dev ## Check format, style and types; change nothing
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(VENV)/.installed-dev ## Format the code and mend what ruff can mend by itself
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

install-check: $(VENV)/.installed-dev ## Install the wheel (by way of the sdist) elsewhere, and use both installs
	$(VENV)/bin/python tests/install_check.py

guard: install ## Restore and score the demo pictures anew, and compare every number with the baseline
	$(RESTOBENCH) check --baseline demo

check: lint test install-check guard ## All that must pass before a commit, and all that CI runs

leaderboard: install ## Write the tables of the runs in runs/, as Markdown, CSV, LaTeX and web pages
	$(RESTOBENCH) leaderboard build --site --max-size 1GB

bench: $(VENV)/.installed-dev ## Measure what benchmarks/README.md promises
	@for benchmark in benchmarks/*.py; do \
	    echo "== $$benchmark"; \
	    $(VENV)/bin/python "$$benchmark" || exit 1; \
	done

# Below: real files. A stamp is as new as the last install, so a second call does nothing,
# and an entry point added to pyproject.toml is registered by the next.

NOTICE = pyiqa (MUSIQ, NIQE and more) is licensed PolyForm-Noncommercial since 2026-04. \
restobench itself does not need it: 'pip install restobench' alone leaves it out.

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "restobench needs Python 3.11 or newer and \
	found %d.%d; name another one: make install PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(PIP) install -c constraints.txt -e '.[face,iqa]'
	@touch $@
	@echo "$(NOTICE)"

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(PIP) install -c constraints.txt -e '.[face,iqa,train,dev]'
	@touch $(VENV)/.installed $@
	@echo "$(NOTICE)"
