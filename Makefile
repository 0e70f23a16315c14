# Ringback. Needs Python 3.11 or newer with its venv module; everything else is fetched.

BOOTSTRAP = python3 app/standalone/bootstrap.py
PYTHON = .venv/bin/python
COMPILE = $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header $(ARGS)

NODE = $$($(PYTHON) -c 'from tests.support.node import node; print(node())')
NEWMAN = $(NODE) node_modules/newman/bin/newman.js

COMPOSE ?= docker compose
# What is started here on the services of Docker Compose has these settings.
ON_HOST = set -a; . deploy/host.env; exec $(PYTHON) -m app

.PHONY: help run test chaos simulate bench bench-profile bench-activity postman test-compose services api worker beat lint format reset lock dev

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

run:  ## run everything on this machine (PORT=5006 for another port)
	@$(if $(PORT),RINGBACK_PORT=$(PORT)) $(BOOTSTRAP) run

# Three at once on two cores, for they wait more than they compute; a file's tests stay together.
test: dev  ## run the tests on real servers (ARGS="-k name" for some, ARGS="-n 0" one after the other)
	@$(PYTHON) -m pytest -n 3 --dist loadfile $(ARGS)

chaos: dev  ## break everything under load and look for what was lost (MINUTES=10 SEED=1 USERS=50)
	@$(PYTHON) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(USERS),--users $(USERS))

simulate: dev  ## users who submit, listen and download, on a running server (USERS=10 SECONDS=30 URL=…)
	@$(PYTHON) -m benchmarks.simulate $(if $(USERS),--users $(USERS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(URL),--url $(URL)) $(ARGS)

bench: dev  ## compare with what others use (ONLY=workbook ROUNDS=3 COUNTS=10000,100000 WRITE=1 for the docs)
	@$(PYTHON) -m benchmarks.workbook.install
	@$(PYTHON) -m benchmarks.comparison $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(COUNTS),--counts $(COUNTS)) $(if $(WRITE),--write) $(ARGS)

bench-profile: dev  ## show where the time of writing a workbook goes (WRITE=1 for the docs)
	@$(PYTHON) -m benchmarks.workbook.profile $(if $(WRITE),--write) $(ARGS)

bench-activity: dev  ## measure activity_report from Postgres to the file (COUNT=1000000 WRITE=1 for the docs)
	@$(PYTHON) -m benchmarks.workbook.activity $(if $(COUNT),--count $(COUNT)) $(if $(WRITE),--write) $(ARGS)

postman: dev  ## run the Postman collection on a running server (URL=http://localhost:5006)
	@$(NEWMAN) run postman_collection.json $(if $(URL),--env-var base_url=$(URL))

test-compose: dev  ## run the tests of the Docker set-up; it must not be running (COMPOSE="docker compose")
	@COMPOSE="$(COMPOSE)" $(PYTHON) -m pytest tests/compose $(ARGS)

services: dev  ## start Postgres and Redis in Docker, for the next three and for debuggers
	@$(COMPOSE) up -d --wait db redis
	@mkdir -p var/secrets && $(PYTHON) -m app make-secret var/secrets/ringback_secret_key
	@$(ON_HOST) migrate

api: services  ## run the server here, on those services
	@$(ON_HOST) serve

worker: services  ## run a worker here, on those services
	@$(ON_HOST) worker

beat: services  ## run the beat here, on those services
	@$(ON_HOST) beat

lint: dev  ## check style, types and architecture
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy
	@$(PYTHON) -c 'from importlinter.cli import lint_imports_command as run; run()'

format: dev  ## put the code into its style
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

reset:  ## delete all data of `make run`
	@python3 -m app.standalone.reset

lock: dev  ## pin the dependencies anew (ARGS=--upgrade for newer ones)
	$(COMPILE) pyproject.toml --extra standalone --extra client --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra standalone --extra client -c requirements/dev.txt -o requirements/standalone.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/app.txt
	$(COMPILE) pyproject.toml --extra standalone --extra client --group dev --group bench -c requirements/dev.txt -o requirements/bench.txt
	$(COMPILE) --group node -o requirements/node.txt
	npm install --package-lock-only

dev:
	@$(BOOTSTRAP) dev
