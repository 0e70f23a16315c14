"""The whole set-up in containers. Needs a Docker engine: `make test-compose`."""
