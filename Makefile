# Two commands do all set-up on a fresh machine: `make inspect` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

export NO_MKDOCS_2_WARNING := 1

.PHONY: inspect test check fast format docs bench clean

inspect: $(INSTALLED)  ## inspect the built-in CNN on the built-in digits
	$(BIN)/roadworthy inspect --gate none

test: check  ## everything a change must pass
	$(BIN)/python -m pytest -n auto --dist worksteal

fast: $(INSTALLED)  ## the tests without the slow ones
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not browser"

check: $(INSTALLED)  ## lint, format, types, layers, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/mkdocs build --strict --quiet

format: $(INSTALLED)  ## let ruff settle layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)  ## write the reference pages from the registries and build the site
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

bench: $(INSTALLED)  ## measure beside the peers; the results land in benchmarks/results
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 2; }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv site build dist
