"""A small REST client for tests."""

from typing import Any

import requests

from tests.support.waiting import wait_for

FINAL = {"succeeded", "failed", "cancelled"}


class Api:
    """REST calls as one user.

    Args:
        url: address of a server.
        email, password: whose; None for a caller without a token.
    """

    def __init__(self, url: str, email: str | None = None, password: str = "") -> None:
        self.url, self.email, self.password = url, email, password
        self.http = requests.Session()
        self.http.trust_env = False
        self.tokens: dict[str, Any] = {}
        if email is not None:
            self.sign_in()

    def sign_in(self) -> None:
        body = {"email": self.email, "password": self.password}
        self.tokens = self.ok("POST", "/v1/login", json=body)
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    @property
    def token(self) -> str:
        return str(self.tokens["access_token"])

    @property
    def user_id(self) -> str:
        return str(self.tokens["user"]["id"])

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.http.request(method, self.url + path, timeout=60, **options)

    def ok(self, method: str, path: str, **options: Any) -> Any:
        response = self.call(method, path, **options)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def submit(self, job_type: str, **params: Any) -> dict[str, Any]:
        job: dict[str, Any] = self.ok("POST", "/v1/jobs", json={"type": job_type, "params": params})
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.ok("GET", f"/v1/jobs/{job_id}")
        return job

    def end_of(self, job_id: str, seconds: float = 60.0) -> dict[str, Any]:
        """Wait for the job's end, and return the job."""

        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in FINAL else None

        job = wait_for(ended, f"end of job {job_id}", seconds)
        assert job is not None
        return job

    def run(self, job_type: str, **params: Any) -> dict[str, Any]:
        return self.end_of(self.submit(job_type, **params)["id"])

    def head(self) -> int:
        """The highest number of the user's inbox."""
        return int(self.ok("GET", "/v1/notifications/summary")["head"])

    def notifications(self, after: int = 0) -> list[dict[str, Any]]:
        """All after a number, over all pages."""
        found: list[dict[str, Any]] = []
        following: int | None = after
        while following is not None:
            page = self.ok("GET", f"/v1/notifications?limit=200&after={following}")
            found += page["items"]
            following = page["next"]
        return found
