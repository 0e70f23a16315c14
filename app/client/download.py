"""A job's file: whole and checked, or not there at all."""

import hashlib
import logging
import os
import secrets
from pathlib import Path
from typing import IO, Any

import requests

from app.client.errors import DownloadFailed, Unreachable
from app.client.pauses import Deadline, full_jitter
from app.client.session import Session
from app.client.web import Request

log = logging.getLogger(__name__)

CHUNK = 1 << 16
PARTIAL = 206


class Download:
    """Fetches one file, and goes on where it was cut.

    Args:
        session: who downloads.
        job_id: whose file.
        artifact: what the job says of it: `name`, `size`, `sha256`.
        patience: seconds without a byte after which it is given up.
    """

    def __init__(
        self, session: Session, job_id: str, artifact: dict[str, Any], patience: float
    ) -> None:
        self._session, self._job_id, self._artifact = session, job_id, artifact
        self._patience = patience
        self._hash = hashlib.sha256()
        self._got = 0

    def to(self, path: Path) -> Path:
        """Write the file; a folder gets it under its own name. What was there is replaced.

        Returns:
            Where it is.

        Raises:
            DownloadFailed: it is not what the job wrote.
            Refused: the server does not give it (any more).
            Unreachable: no byte came for `patience`.
        """
        target = path / Path(self._artifact["name"]).name if path.is_dir() else path
        aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                self._fill(file)
                self._check()
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return target

    def _fill(self, file: IO[bytes]) -> None:
        deadline, pauses = Deadline(self._patience), full_jitter()
        while self._got < self._artifact["size"]:
            before = self._got
            try:
                self._fetch(file, deadline)
                if self._got == before:
                    return  # shorter than it should be: `_check` says so
            except requests.RequestException as error:
                if self._got > before:
                    deadline, pauses = Deadline(self._patience), full_jitter()
                self._pause(next(pauses), deadline, error)

    def _pause(self, seconds: float, deadline: Deadline, error: Exception) -> None:
        if seconds >= deadline.left:
            raise Unreachable(f"The download was cut, and nothing more came: {error}") from error
        log.info("the download was cut after %s bytes: %s", self._got, error)
        self._session.pause(seconds)

    def _fetch(self, file: IO[bytes], deadline: Deadline) -> None:
        headers = {"Accept-Encoding": "identity"}
        if self._got:
            headers |= {"Range": f"bytes={self._got}-"}
        request = Request("GET", f"/v1/jobs/{self._job_id}/result", headers=headers, stream=True)
        with self._session.call(request, deadline) as response:
            if response.status_code != PARTIAL:
                self._start_anew(file)
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                self._hash.update(chunk)
                self._got += len(chunk)

    def _start_anew(self, file: IO[bytes]) -> None:
        file.seek(0)
        file.truncate()
        self._hash, self._got = hashlib.sha256(), 0

    def _check(self) -> None:
        expected = (self._artifact["size"], self._artifact["sha256"])
        if (self._got, self._hash.hexdigest()) != expected:
            raise DownloadFailed(
                f"The file of job {self._job_id} came with {self._got} bytes and another checksum "
                f"than the job wrote ({expected[0]} bytes). Download it again."
            )


def fetch_file(session: Session, job: dict[str, Any], path: Path, patience: float) -> Path:
    """Download the file of a job; see `Download.to`.

    Raises:
        DownloadFailed: the job has no file.
    """
    artifact = job["artifact"]
    if artifact is None:
        raise DownloadFailed(f"Job {job['id']} ({job['state']}) has no file.", code="no_artifact")
    return Download(session, job["id"], artifact, patience).to(path)
