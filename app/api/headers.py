"""Headers that tell browsers what not to do, on every answer, those of Socket.IO included.

A table of our own: Flask-Talisman knows only what passes through Flask, wants to force HTTPS (the
proxy's business), and would need each of these values spelled out as well.
"""

from typing import Any

# What is no page of ours loads nothing, whatever a browser takes it for.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = (
    ("Content-Security-Policy", NOTHING),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),  # for browsers that do not know `frame-ancestors`
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cache-Control", "no-store"),
)


class SecurityHeaders:
    """WSGI middleware: adds what an answer does not set itself.

    Args:
        app: the rest.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """See PEP 3333."""

        def start(status: str, headers: list[tuple[str, str]], *trouble: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            missing = [each for each in SECURITY_HEADERS if each[0].lower() not in present]
            return start_response(status, [*headers, *missing], *trouble)

        return self._app(environ, start)
