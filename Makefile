.PHONY: setup demo test lint bench bench-sandbox soak

setup:
	@scripts/setup
	@echo "Ready: .venv/bin/journeyman"

demo: setup
	@.venv/bin/journeyman demo

test:
	@scripts/setup --tests
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright
	.venv/bin/lint-imports

# What takes minutes, as root: limits on version 2 of control groups, in an emulated machine, and attacks on the
# sandboxes of an ordinary user.
soak:
	@scripts/setup --soak
	.venv/bin/python tests/cgroup2/vm.py
	.venv/bin/pytest -o addopts=-q tests/adversary/test_as_user.py

bench: setup
	.venv/bin/python bench/run.py

bench-sandbox: setup
	.venv/bin/python bench/sandbox.py
