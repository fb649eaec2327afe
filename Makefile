# Each target is a line or two that a person could type.
PYTHON ?= python3
PERIOD ?= 2026Q3
ROUNDS ?= 3
EVENTS ?= 10000000
COPIES ?= 100
BEFORE ?= d8380fa
BIN = .venv/bin
SAMPLE = data/sample/customers.parquet

# Some machines are set up to keep no byte code; compiling the kit anew in each process is what takes long then.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: pack test test-all lab bench check lock messages example pictures clean

pack: .venv/ready $(SAMPLE)            ## the sample company's pack
	$(BIN)/kpi-review build --period $(PERIOD) --source params/sources/sample.yml

test: .venv/ready                        ## everything that takes no seconds and needs no browser and no database
	$(BIN)/pytest -n 2 --dist loadfile -m "not whole and not browser and not database and not spark and not slow"

test-all: .venv/ready                    ## the rest
	$(BIN)/pytest -n 2 --dist loadfile -m "whole or browser or database or spark or slow"

lab: .venv/ready $(SAMPLE)             ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir . notebooks/recurring_revenue.ipynb

bench: .venv/ready $(SAMPLE)           ## how fast the kit is, as ratios within one run
	$(BIN)/python tests/bench.py $(ROUNDS) $(EVENTS) $(COPIES) '$(BEFORE)'

check: .venv/ready                       ## formatting, lint, types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

example: pack                            ## examples/, from the sample pack
	mkdir -p examples/$(PERIOD)
	cp reports/$(PERIOD)/pack.html reports/$(PERIOD)/pack.pdf examples/$(PERIOD)/

pictures: .venv/ready $(SAMPLE)        ## the pictures of the README, from the sample pack with its deck
	$(BIN)/kpi-review build --period $(PERIOD) --source params/sources/sample.yml --deck
	$(BIN)/python tests/pictures.py

$(SAMPLE): $(wildcard sample/*.py) | .venv/ready
	$(BIN)/kpi-review sample --out data/sample

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch .venv/ready

messages: .venv/ready                    ## after a change of what pages say: the catalogues of all languages
	$(BIN)/python -m helpers.messages

lock:                                    ## after a change of dependencies in pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv data reports
