"""What an e-mail address and a password may be."""

from email_validator import EmailNotValidError, validate_email

from app.errors import InvalidInput

MIN_PASSWORD = 8
MAX_PASSWORD = 200
MAX_EMAIL = 254


def checked_email(text: str) -> str:
    """The address in its one spelling; no mail server is asked.

    Raises:
        InvalidInput: it is not an address.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidInput(
            "The e-mail address is not valid.", {"email": ["is not a valid e-mail address"]}
        ) from error


def checked_password(text: str, field: str = "password") -> str:
    """The password, if it may be one.

    Args:
        field: the name it has in the error.

    Raises:
        InvalidInput: too short, too long, or it holds control characters.
    """
    wrong = []
    if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD:
        wrong.append(f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if any(_is_untypeable(each) for each in text):
        wrong.append("must not contain control characters")
    if wrong:
        raise InvalidInput(f"The password {' and '.join(wrong)}.", {field: wrong})
    return text


def _is_untypeable(character: str) -> bool:
    return character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff"
