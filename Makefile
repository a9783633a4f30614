.PHONY: setup demo test lint bench bench-sandbox soak

setup:
	@scripts/setup
	@echo "Ready: .venv/bin/journeyman"

demo: setup
	@.venv/bin/journeyman demo

test:
	@scripts/setup --tests
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest -n 4 --dist loadfile

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright
	.venv/bin/lint-imports

# What takes long, as root: limits on version 2 of control groups, in an emulated machine; attacks on the sandboxes of an
# ordinary user; the wheel, installed elsewhere; hundreds of deaths; the whole of parity with two servers that answer in
# turn and two workers, and on containers of an engine.
soak:
	@scripts/setup --soak
	.venv/bin/python tests/cgroup2/vm.py
	.venv/bin/pytest -o addopts=-q tests/adversary/test_as_user.py tests/release/test_installed.py
	.venv/bin/pytest tests/crash --soak
	.venv/bin/pytest tests/parity --many -p no:hypothesispytest
	.venv/bin/pytest tests/parity --docker -p no:hypothesispytest

bench: setup
	.venv/bin/python bench/run.py --rounds 3 --many 500
	.venv/bin/python bench/fairness.py

bench-sandbox: setup
	.venv/bin/python bench/sandbox.py
