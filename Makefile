# `make up` and `make test` are the whole set-up; the other targets are their parts.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
CTL := .venv/bin/notifyctl
# Commands and tests start hundreds of Python processes: each takes the compiled modules of the first.
unexport PYTHONDONTWRITEBYTECODE
# Test processes side by side: each collects all tests, which takes it ten seconds of processor time,
# and waits for the runtime now and then. So one more than there are cores, and at most eight: each
# may hold a local cloud of about 0.7 GB.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 7 ? n + 1 : 8)))
CODE := __main__.py cron d1 infra engine localcloud ops scripts/make_sync.py sdk/notification_sdk worker/src sql tests bench

.PHONY: help install bundle up down destroy clean test check types unit soak bench docs lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install everything inside the project folder (safe to repeat)
	@scripts/bootstrap

bundle: install ## Build the Worker's bundle into dist/worker
	@$(CTL) bundle

up: install ## Start the local cloud, deploy the stack `local`, verify it, send a first notification
	@$(CTL) up --stack local

down: install ## Stop the local cloud and keep its data
	@$(CTL) local stop

destroy: install ## Destroy the stack `local` and remove all of its data
	@$(CTL) destroy --stack local --yes --erase

clean: ## Stop the local cloud, and remove what was installed or built; data stays in .local
	@[ ! -x $(CTL) ] || $(CTL) local stop
	@rm -rf .venv node_modules build dist *.egg-info sdk/*.egg-info
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@echo "Removed. 'make destroy' first, or removing .local, removes the data as well."

test: check unit ## Run the tests in about five minutes: of what is long, what a change concerns and a sample

check: install ## Lint, hold the layers of imports, and type-check
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports
	@.venv/bin/mypy $(CODE)
	@node node_modules/typescript/bin/tsc -p console

types: install ## Generate the console's types again after a change of the API
	@$(PY) -m ops.build.console_types

unit: install
	@scripts/install-browser
	@$(PY) -m pytest -m "not soak" -n $(WORKERS) --dist loadfile

soak: install ## Run the full counts of what is long, and the judges of the local cloud; SOAK_PART=2/8 runs a part
	@SOAK_RESULTS=build/soak/$(subst /,-of-,$(or $(SOAK_PART),1/1)).jsonl $(PY) -m pytest -m "soak or judge"

bench: install ## Measure speed and memory; prints the figures and writes them to build/bench.json
	@$(PY) -m bench

docs: install ## Build the documents as a site with a search into build/site
	@scripts/build-docs

lock: ## Make requirements.lock again after a change of pyproject.toml (needs uv)
	uv pip compile --generate-hashes --python-version 3.11 --universal --extra dev \
		--no-header -q pyproject.toml -o requirements.lock
	uv pip compile --generate-hashes --python-version 3.11 --universal \
		--no-header -q docs/site/requirements.in -o docs/site/requirements.lock
