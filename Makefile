# Everything is done by the scripts and tools named here; `make help` lists the targets.
SHELL := bash
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint unit integration e2e bench bench-mysql bench-cosmos bench-blob bench-queue docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup:  ## .venv from the lock file, and the servers of the lab
	@scripts/setup

demo:  ## start both clouds on this machine, fill the source, migrate it, show the reports (SCALE=s|m|l)
	@scripts/demo

test: setup  ## every test, against real parts, in two processes (WORKERS=2); the longest begin first
	$(PY) -m pytest -n $(or $(WORKERS),2) --dist loadscope --no-loadscope-reorder --durations 30 \
	  tests/e2e tests/integration tests/unit

check: lint unit  ## what to run before a commit: quick

lint: setup  ## style, types, import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

unit: setup  ## tests without I/O
	$(PY) -m pytest tests/unit

integration: setup  ## tests against emulators that the suite starts itself
	$(PY) -m pytest tests/integration

e2e: setup  ## whole commands against the embedded clouds
	$(PY) -m pytest tests/e2e

bench: setup  ## speed and memory
	$(PY) -m pytest -s tests/bench/bench_*.py

bench-mysql: setup  ## the mysql phase beside mysqldump and mydumper (RUNS=3)
	$(PY) tests/bench/mysql_peers.py --runs $(or $(RUNS),3)

bench-blob: setup  ## the blob phase beside rclone (RUNS=3)
	$(PY) tests/bench/blob_peers.py --runs $(or $(RUNS),3)

bench-queue: setup  ## the queue phase beside the SDKs, and its deaths (RUNS=3 SCALE=1 MESSAGES=10000 DEATHS=12)
	SCALE=$(or $(SCALE),1) RUNS=$(or $(RUNS),3) MESSAGES=$(or $(MESSAGES),10000) DEATHS=$(or $(DEATHS),12) \
	  $(PY) -m pytest -s tests/bench/bench_queue.py tests/bench/bench_queue_kills.py

bench-cosmos: setup  ## the copy of the cosmos phase beside azure-cosmos and boto3 (RUNS=3 SCALE=1)
	$(PY) tests/bench/cosmos_peers.py --runs $(or $(RUNS),3) --scale $(or $(SCALE),1)

docs: setup  ## write docs/cli.md, docs/mysql-preflight.md and config/example.yaml anew from the code
	$(PY) -m wkms_migrate.cli.reference > docs/cli.md
	$(PY) -m wkms_migrate.phases.mysql.rules.document > docs/mysql-preflight.md
	.venv/bin/wkms-migrate init --env example --output config/example.new.yaml
	mv config/example.new.yaml config/example.yaml

clean:  ## stop the lab and delete it with its runs; .venv and the cache stay
	@if [ -x .venv/bin/wkms-migrate ]; then .venv/bin/wkms-migrate lab remove; fi
	rm -rf .lab runs build dist
