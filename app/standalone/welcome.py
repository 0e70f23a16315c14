"""What `make run` says once everything runs."""

TEXT = """
  Ringback runs at http://localhost:{port}

  Demo sign-ins   administrator@test.com / password1
                  username@test.com      / password2

  Try it          Open http://localhost:{port}/test.html in two tabs, sign in as one of the two in
                  each, and start excel_test in one: only that tab rings.

  From a shell    TOKEN=$(curl -s http://localhost:{port}/v1/login \\
                    -H 'Content-Type: application/json' \\
                    -d '{{"email": "username@test.com", "password": "password2"}}' \\
                    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
                  curl -X POST http://localhost:{port}/v1/jobs \\
                    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
                    -d '{{"type": "excel_test", "params": {{"rows": 1000}}}}'

  Stop            Ctrl-C. The data stays; `make reset` deletes it.
"""


def welcome(port: int) -> str:
    """The address, the demo sign-ins and what to try next."""
    return TEXT.format(port=port)
