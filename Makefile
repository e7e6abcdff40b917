# make run | test | torture | train | bench | screenshots | lint: each sets up what it needs by itself.

PYTHON ?= python3
BIN := .venv/bin
APT := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
PIP := $(BIN)/python -m pip --disable-pip-version-check install --progress-bar off

.PHONY: run test test-in-browser test-without torture train bench screenshots lint format browser cjk

run: .venv/run
	$(BIN)/streamlit run streamlit_app.py

test: .venv/dev browser lint
	$(MAKE) --jobs 2 --output-sync test-in-browser test-without
	@echo "All checks passed: lint, types, unit, panel and browser tests."

# Beside each other: the browser's mostly wait, and go first when they do not. What changes checkpoints/
# is all among them; what has a server and checkpoints of its own goes with the others.
OWN_SERVER := tests/browser/test_faults.py
test-in-browser:
	$(BIN)/python -m pytest tests/browser --ignore $(OWN_SERVER)
test-without:
	nice -n 10 $(BIN)/python -m pytest --ignore tests/browser
	nice -n 10 $(BIN)/python -m pytest $(OWN_SERVER)

torture: .venv/dev browser
	$(BIN)/python -m tests.torture $(ARGS)

train: .venv/run
	$(BIN)/python -m core train $(ARGS)

bench: .venv/dev browser
	$(BIN)/python benchmarks/train_speed.py
	$(BIN)/python benchmarks/live_drag.py
	$(BIN)/python benchmarks/while_training.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/sessions.py
	$(BIN)/python benchmarks/walks.py
	$(BIN)/python benchmarks/map.py
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/repair.py

screenshots: .venv/dev browser cjk
	$(BIN)/python docs/screenshots.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt .venv/run
	$(PIP) -r requirements-dev.txt
	touch $@

# The system's Chromium if there is one; else the package manager's when root; else playwright's.
# nginx and openssl are what tests/browser/test_proxy.py puts in front.
browser: .venv/dev
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && $(APT) chromium >/dev/null; \
	else $(BIN)/playwright install chromium; fi
	@if command -v nginx >/dev/null && command -v openssl >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && $(APT) nginx-light openssl >/dev/null; \
	else echo "Install nginx and openssl: the tests behind a proxy need them."; fi

# A font for the Chinese of the panel Learn.
cjk:
	@if fc-list :lang=zh 2>/dev/null | grep -q .; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && $(APT) fontconfig fonts-wqy-microhei >/dev/null; \
	else echo "Install a font with Chinese characters, as Debian's fonts-wqy-microhei."; exit 1; fi
