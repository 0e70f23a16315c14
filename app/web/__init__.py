"""The pages and the browser client: static files and one blueprint, open to everybody."""

from app.web.pages import register

__all__ = ["register"]
