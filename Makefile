# Every target sets up what it needs: python3 and make are enough on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE := tests/node/node_modules/.ready
GRAPHIQL := authgql/web/graphiql
GRAPHIQL_FILES := react/umd/react.production.min.js react-dom/umd/react-dom.production.min.js \
  graphiql/graphiql.min.js graphiql/graphiql.min.css

.DEFAULT_GOAL := help
.PHONY: help serve test test-fast test-node lint format schema migration graphiql lock wheel

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

serve: $(READY) graphiql ## Development server on port 8000, with GraphiQL and a mailbox
	@$(BIN)/authgql serve --dev

test: $(READY) graphiql lint $(NODE) ## Everything the project promises
	$(BIN)/python tests/system_packages.py chromium redis-server pgbouncer
	$(BIN)/pytest -n auto --cov --cov-report=term

test-fast: $(READY) ## The tests that need neither browser, Node, Redis nor server process
	$(BIN)/pytest -n auto -m "not browser and not process and not node and not redis"

test-node: $(READY) $(NODE) ## The tests with other people's clients and gateways
	$(BIN)/pytest -n auto -m node

$(NODE): tests/node/package-lock.json
	cd tests/node && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

bench: $(READY) ## How fast it is, beside a bare route and its peers; about eight minutes on a quiet machine
	@PYTHONPATH=$(CURDIR) $(BIN)/python benchmarks/run.py $(BENCH)

lint: $(READY) ## Style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(READY) ## Print the GraphQL schema into schema.graphql
	$(BIN)/authgql schema > schema.graphql

migration: $(READY) ## Begin a migration for both databases: make migration NAME=add_something
	$(BIN)/python migrations/new.py "$(NAME)"

graphiql: $(GRAPHIQL)/assets/LICENSES.txt ## GraphiQL's files, served by ourselves

# Written last, so that it also says that the others are complete.
$(GRAPHIQL)/assets/LICENSES.txt: $(GRAPHIQL)/package-lock.json
	@if ! command -v npm >/dev/null 2>&1; then \
	  echo "npm is not on this machine: GraphiQL will load its files from a CDN; nothing else needs it."; \
	elif cd $(GRAPHIQL) && npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund --silent; then \
	  mkdir -p assets && cp $(addprefix node_modules/,$(GRAPHIQL_FILES)) assets/ && \
	  cat node_modules/react/LICENSE node_modules/react-dom/LICENSE node_modules/graphiql/LICENSE > assets/LICENSES.txt && \
	  rm -rf node_modules; \
	else \
	  echo "npm could not fetch GraphiQL: it will load its files from a CDN; nothing else needs them."; \
	fi

wheel: $(READY) graphiql ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

lock: ## Choose the newest dependencies and pin them (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --generate-hashes --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock
