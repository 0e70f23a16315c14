"""Access tokens with another life than the settings give."""

from datetime import timedelta

from flask_jwt_extended import create_access_token

from app.accounts.tokens import configure_tokens
from app.services import services
from tests.support.api import Api
from tests.support.stack import Stack


def short_token(stack: Stack, user: Api, life: timedelta) -> str:
    """An access token of the user's session that lives so long."""
    app = stack.core()
    with app.app_context():
        configure_tokens(app, services().settings)
        claims = {"sid": user.tokens["session_id"], "role": "user"}
        return str(
            create_access_token(identity=user.user_id, additional_claims=claims, expires_delta=life)
        )
