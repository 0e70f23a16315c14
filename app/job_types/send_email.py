"""Send an e-mail: to oneself, or to whom one may write."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.delivery.mail import has_control
from app.job_types.base import JobContext, JobType, Json, Mail, Owner, Parameters
from app.job_types.recipients import MAX_RECIPIENTS, Recipients, refuse_recipients

MAX_SUBJECT = 200
MAX_TEXT = 200_000


def _one_line(text: str) -> str:
    if has_control(text) or not text.strip():
        raise ValueError("Input should be one line, without control characters, and not be blank")
    return text


Subject = Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT), AfterValidator(_one_line)]
Body = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class SendEmailParameters(Parameters):
    """A message."""

    to: Recipients = Field(
        description=f"An address, or a list of up to {MAX_RECIPIENTS}; all of them see each other."
    )
    subject: Subject = Field(description="One line.")
    text: Body = Field(description="What it says, for readers without HTML.")
    html: Body | None = Field(None, description="The same as HTML, if you have it.")


class SendEmail(JobType[SendEmailParameters]):
    """Sends an e-mail."""

    name = "send_email"
    title = "Send an e-mail"
    parameters = SendEmailParameters
    example = {
        "to": "username@test.com",
        "subject": "Hello from Ringback",
        "text": "The mail server took this message.",
    }
    # A receiver that puts off who is new to it (greylisting) wants some minutes in between.
    max_attempts = 10
    soft_seconds = 890
    hard_seconds = 900
    repeatable = False

    def check(self, owner: Owner, parameters: SendEmailParameters) -> None:
        """See `JobType.check`."""
        refuse_recipients(owner, parameters.to)

    def run(self, context: JobContext, parameters: SendEmailParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        refused = context.mail(
            Mail(parameters.to, parameters.subject, parameters.text, parameters.html)
        )
        accepted: list[Json] = [each for each in parameters.to if each not in refused]
        return {"accepted": accepted, "refused": dict(refused)}
