"""The audit fails on each thing that it is there to find."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults import audit
from tests.faults.audit import Audit
from tests.faults.heard import Heard, check_numbers
from tests.faults.ledger import Client, Ledger
from tests.faults.report import table
from tests.support.database import connect, query
from tests.support.stack import Stack

SECONDS = 1.0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong on purpose stays wrong: no use in waiting for it."""
    monkeypatch.setattr(audit, "SHORT_SECONDS", 0.3)


@pytest.fixture
def owner(own_stack: Stack) -> Client:
    """Somebody who has the file of a job, and the sum of another."""
    ledger = Ledger()
    email, password = f"{uuid4().hex}@test.com", "a long password"
    own_stack.admin.ok("POST", "/v1/users", json={"email": email, "password": password})
    client = Client(ledger, own_stack.url, email, password)
    assert client.run("steps")["state"] == client.run("add", a=1, b=2)["state"] == "succeeded"
    assert len(ledger.jobs) == 2
    return client


def findings(stack: Stack, owner: Client) -> str:
    with pytest.raises(AssertionError) as raised:
        Audit(stack, owner.ledger, SECONDS).run()
    return str(raised.value)


def change(stack: Stack, sql: str, *values: object) -> None:
    query(stack.database_url, sql, *values)


def test_a_good_ledger_passes_and_gives_the_time_since_the_fault(
    own_stack: Stack, owner: Client
) -> None:
    assert Audit(own_stack, owner.ledger).run() is None
    owner.ledger.fault_is_over()
    ended_at = owner.ledger.fault_ended_at
    job = owner.run("wait", seconds=0.2)
    owner.ledger.fault_is_over()
    assert owner.ledger.fault_ended_at == ended_at
    seconds = Audit(own_stack, owner.ledger).run()
    assert seconds is not None
    assert seconds >= job["result"]["waited"]


def test_a_job_that_does_not_end_is_found(own_stack: Stack, owner: Client) -> None:
    job = owner.submit("wait", seconds=3)
    assert "the ends of all jobs" in findings(own_stack, owner)
    owner.end_of(job["id"])


def test_a_job_without_a_row_is_found(own_stack: Stack, owner: Client) -> None:
    owner.ledger.jobs[str(uuid4())] = owner.user_id
    assert "the ends of all jobs" in findings(own_stack, owner)


def test_a_gap_and_a_missing_end_are_found(own_stack: Stack, owner: Client) -> None:
    change(own_stack, "DELETE FROM notifications WHERE user_id = %s AND seq = 1", owner.user_id)
    found = findings(own_stack, owner)
    assert "gap: number 1" in found
    assert "0 final notifications of job" in found


def test_a_second_end_is_found(own_stack: Stack, owner: Client) -> None:
    job = next(iter(owner.ledger.jobs))
    change(
        own_stack,
        "INSERT INTO notifications SELECT user_id, 3, gen_random_uuid(), type, title, body, data,"
        " job_id, false, NULL, created_at, read_at, hidden_at, expires_at"
        " FROM notifications WHERE job_id = %s",
        job,
    )
    change(own_stack, "UPDATE inboxes SET head_seq = 3 WHERE user_id = %s", owner.user_id)
    assert f"2 final notifications of job {job}" in findings(own_stack, owner)


def test_a_wrong_end_is_found(own_stack: Stack, owner: Client) -> None:
    job = next(iter(owner.ledger.jobs))
    change(own_stack, "UPDATE notifications SET type = 'job.failed' WHERE job_id = %s", job)
    assert "is succeeded, its owner was told job.failed" in findings(own_stack, owner)


def test_numbers_above_the_head_are_found(own_stack: Stack, owner: Client) -> None:
    change(own_stack, "UPDATE inboxes SET head_seq = 1 WHERE user_id = %s", owner.user_id)
    assert "number 2 above the head 1" in findings(own_stack, owner)


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([1, 2, 3], []),
        ([1, 3], ["gap: number 2"]),
        ([1, 2], ["gap: number 3"]),
        ([1, 2, 2, 3], ["duplicate: number 2"]),
        ([1, 3, 2], ["out of order: [1, 3, 2]"]),
    ],
)
def test_what_a_client_was_given_is_whole_or_found(numbers: list[int], found: list[str]) -> None:
    assert list(check_numbers(numbers, 3)) == found


def told(owner: Client, raw: list[int], given: list[int]) -> None:
    """One client of the owner, whose inbox has the numbers 1 and 2."""
    record = Heard("a client", owner.user_id)
    record.raw, record.given = [(each, 0.0) for each in raw], [(each, 0.0) for each in given]
    owner.ledger.heard.append(record)


def test_a_client_that_was_told_all_passes_whatever_came_twice(
    own_stack: Stack, owner: Client
) -> None:
    told(owner, raw=[1, 2, 1, 2], given=[1, 2])
    audit = Audit(own_stack, owner.ledger, SECONDS)
    audit.run()
    assert audit.seconds_until_heard() is None
    owner.ledger.fault_is_over()
    assert owner.ledger.fault_ended_at is not None
    owner.ledger.heard[0].given[-1] = (2, owner.ledger.fault_ended_at + 3)
    assert audit.seconds_until_heard() == pytest.approx(3)


@pytest.mark.parametrize(
    ("raw", "given", "found"),
    [
        ([2], [2], "a client: never came: 1"),
        ([1], [1], "a client: never came: 2"),
        ([], [], "a client: never came: 1, 2"),
        ([1, 2], [1], "a client: gap: number 2"),
        ([1, 2], [1, 2, 2], "a client: duplicate: number 2"),
        ([1, 2], [2, 1], "a client: out of order: [2, 1]"),
        ([1, 2, 3], [1, 2, 3], "a client: number 3 above the head 2"),
    ],
)
def test_what_a_client_missed_or_was_given_twice_or_out_of_order_is_found(
    own_stack: Stack, owner: Client, raw: list[int], given: list[int], found: str
) -> None:
    told(owner, raw, given)
    assert found in findings(own_stack, owner)


def test_a_client_answers_for_what_lies_above_its_start_alone(
    own_stack: Stack, owner: Client
) -> None:
    told(owner, raw=[2], given=[2])
    owner.ledger.heard[0].start = 1
    Audit(own_stack, owner.ledger, SECONDS).run()


def test_a_client_that_was_refused_is_found(own_stack: Stack, owner: Client) -> None:
    told(owner, raw=[], given=[])
    owner.ledger.heard[0].refused = "token_expired"
    assert "it was refused: token_expired" in findings(own_stack, owner)


@pytest.mark.parametrize("column", ["sha256 = repeat('0', 64)", "size = size + 1"])
def test_a_file_that_is_not_what_its_row_says_is_found(
    own_stack: Stack, owner: Client, column: str
) -> None:
    change(own_stack, f"UPDATE artifacts SET {column} WHERE user_id = %s", owner.user_id)
    assert "the file of job" in findings(own_stack, owner)


def test_a_file_that_is_gone_is_found(own_stack: Stack, owner: Client) -> None:
    (path,) = (path for job in owner.ledger.jobs for path in files(own_stack, job))
    path.unlink()
    assert "came as (404" in findings(own_stack, owner)


def test_a_file_of_a_job_that_failed_is_found(own_stack: Stack, owner: Client) -> None:
    change(own_stack, "UPDATE jobs SET state = 'failed' WHERE user_id = %s", owner.user_id)
    assert "is failed and has a file" in findings(own_stack, owner)


@pytest.mark.parametrize("name", ["steps.txt.part", "other.txt"])
def test_a_file_left_over_is_found(own_stack: Stack, owner: Client, name: str) -> None:
    folder = Path(own_stack.environment["RINGBACK_ARTIFACT_DIR"]) / str(uuid4()) / "1"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"half")
    found = findings(own_stack, owner)
    (folder / name).unlink()
    assert f"file left over {folder.parent.name}/1/{name}" in found


@pytest.mark.parametrize("table", ["jobs", "inboxes", "notifications"])
def test_a_locked_row_and_an_idle_transaction_are_found(
    own_stack: Stack, owner: Client, table: str
) -> None:
    with transaction(own_stack, f"SELECT FROM {table} LIMIT 1 FOR UPDATE"):
        found = findings(own_stack, owner)
    assert f"locked row in {table}" in found
    assert "idle in transaction: audited" in found
    Audit(own_stack, owner.ledger, SECONDS).run()


def test_the_report_is_a_table_with_the_slowest_first() -> None:
    text = "test_one_thing\t1.25\ntest_another[gevent]\t3.00\ntest_one_thing\t2.50\n"
    assert table(text).splitlines()[2:] == [
        "| another [gevent] | 1 | 3.0 |",
        "| one thing | 2 | 2.5 |",
    ]


@contextmanager
def transaction(stack: Stack, sql: str) -> Iterator[None]:
    """Open, and silent after its one statement."""
    with closing(connect(stack.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET application_name = 'audited'")
        cursor.execute("BEGIN")
        cursor.execute(sql)
        yield


def files(stack: Stack, job: str) -> list[Path]:
    return list(Path(stack.environment["RINGBACK_ARTIFACT_DIR"]).glob(f"{job}/*/*"))
