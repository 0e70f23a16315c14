"""The test page as a person sees it, in one tab."""

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Download, Locator, expect

from tests.support.api import Api

LIVE_SECONDS = 30.0
JOB_SECONDS = 60.0
FROM_DISK = (Path(__file__).resolve().parents[2] / "test.html").as_uri()

# Run in every document before anything else: notes each look of a job's row, also short ones.
_WATCH_PROGRESS = """
window.looks = [];
const watch = () => new MutationObserver(() => {
  for (const row of document.querySelectorAll("#jobs > li")) {
    const role = (name) => row.querySelector(`[data-role=${name}]`);
    window.looks.push({ id: row.dataset.jobId, state: row.dataset.state,
      progress: role("progress").value, percent: role("percent").textContent,
      message: role("message").textContent, left: role("left").textContent });
  }
}).observe(document.getElementById("jobs"), { subtree: true, childList: true, attributes: true });
document.addEventListener("DOMContentLoaded", () => document.getElementById("jobs") && watch());
"""


class Tab:
    """One tab.

    Args:
        context: tabs of one context share what tabs of one browser share.
        url: address of the server.
        from_disk: open the file itself rather than let the server serve it.

    Attributes:
        errors: what the page's scripts failed with; empty if all is well.
        frames: text frames that the page sent over WebSockets.
    """

    def __init__(self, context: BrowserContext, url: str, *, from_disk: bool = False) -> None:
        self.url, self.from_disk = url, from_disk
        self.page = context.new_page()
        self.errors: list[str] = []
        self.frames: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "websocket",
            lambda ws: ws.on("framesent", lambda frame: self.frames.append(str(frame))),
        )
        self.page.add_init_script(_WATCH_PROGRESS)

    def open(self) -> "Tab":
        self.page.goto(FROM_DISK if self.from_disk else f"{self.url}/test.html")
        return self

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def sign_in(self, email: str, password: str) -> "Tab":
        """Open the page and sign in; returns once the connection is live."""
        self.open().offer(email, password)
        self.wait_for_state("live")
        return self

    def offer(self, email: str, password: str) -> None:
        """Fill in the form and send it."""
        if self.from_disk:
            self.find("#server").fill(self.url)
        self.find("#email").fill(email)
        self.find("#password").fill(password)
        self.find("#sign-in button").click()

    def sign_in_as(self, user: Api) -> "Tab":
        assert user.email is not None
        return self.sign_in(user.email, user.password)

    def wait_for_state(self, state: str, seconds: float = LIVE_SECONDS) -> None:
        """Wait for a state of the connection; of a live one also until the lists are read."""
        self.find(f"#connection[data-state={state}]").wait_for(timeout=seconds * 1000)
        if state == "live":
            self.find("#signed-in[aria-busy=false]").wait_for(timeout=seconds * 1000)

    def form(self, job_type: str) -> Locator:
        """Choose a type; returns its form."""
        self.find(f"#type-choice input[value={job_type}]").check()
        return self.find(f"[data-job-type={job_type}]")

    def start(self, job_type: str, **fields: Any) -> str:
        """Start a job with the button of its type; returns its id."""
        form = self.form(job_type)
        for name, value in fields.items():
            form.locator(f"[data-field={name}]").fill(str(value))
        with self.page.expect_response("**/v1/jobs") as answer:
            form.locator("[data-role=start]").click()
        job_id = str(answer.value.json()["id"])
        self.job(job_id).wait_for()
        return job_id

    def job(self, job_id: str) -> Locator:
        return self.find(f"#jobs > [data-job-id='{job_id}']")

    def wait_for_job(self, job_id: str, state: str, seconds: float = JOB_SECONDS) -> Locator:
        row = self.job(job_id)
        expect(row).to_have_attribute("data-state", state, timeout=seconds * 1000)
        return row

    def wait_for_message(self, seq: int, seconds: float = JOB_SECONDS) -> Locator:
        row = self.find(f"#notifications > [data-seq='{seq}']")
        row.wait_for(timeout=seconds * 1000)
        return row

    def run(self, job_type: str, **fields: Any) -> str:
        """Start a job and wait until its end was rung; returns its id."""
        before = len(self.numbers)
        job_id = self.start(job_type, **fields)
        self.wait_for_message(before + 1)
        return job_id

    @property
    def numbers(self) -> list[int]:
        """The numbers of the notifications shown, from top to bottom."""
        rows = self.find("#notifications > li").all()
        return [int(row.get_attribute("data-seq") or 0) for row in rows]

    @property
    def rings(self) -> list[str]:
        """What the rings on the screen say."""
        return self.find("#rings [data-role=title]").all_inner_texts()

    def looks_of(self, job_id: str) -> list[dict[str, Any]]:
        """Everything that the row of this job has shown since the page was loaded."""
        looks: list[dict[str, Any]] = self.page.evaluate("window.looks")
        return [look for look in looks if look["id"] == job_id]

    def download(self, button: Locator) -> Download:
        with self.page.expect_download() as download:
            button.click()
        return download.value

    def stored_session(self) -> Any:
        return self.page.evaluate("JSON.parse(sessionStorage.getItem('ringback.session'))")
