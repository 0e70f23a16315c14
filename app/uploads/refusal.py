"""Why a file is not taken."""

from app.errors import InvalidInput


class UploadRefused(InvalidInput):
    """The file is not what this application reads, or is built to do harm.

    Args:
        reason: a sentence for its sender, who may be innocent: what is wrong and what mends it.
    """

    code = "upload_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, {"file": [reason]})
