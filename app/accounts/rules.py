"""What an e-mail address and a password may be."""

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from app.errors import InvalidInput

MIN_PASSWORD = 8
MAX_PASSWORD = 200
MAX_EMAIL = 254


def checked_email(text: str) -> str:
    """The address in its one spelling; no mail server is asked.

    Raises:
        InvalidInput: it is not an address.
    """
    return _validated(text).normalized


def mailbox(address: str) -> tuple[str, str]:
    """What stands before and after the @, equal for all spellings of one mailbox.

    Capitals count for nothing, as in the table of users, but those beyond ASCII: what one reader
    takes for two spellings of a letter is two letters to another. The domain is as the DNS knows it.

    Raises:
        InvalidInput: it is not an address.
    """
    found = _validated(address)
    local = found.local_part
    return local.lower() if local.isascii() else local, found.ascii_domain


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


def _validated(text: str) -> ValidatedEmail:
    try:
        return validate_email(text.strip(), check_deliverability=False)
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidInput(
            "The e-mail address is not valid.", {"email": ["is not a valid e-mail address"]}
        ) from error
