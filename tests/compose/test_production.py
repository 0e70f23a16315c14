"""Production laid over it: what it refuses, and that it works, over TLS and with secrets of its own."""

import secrets
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser

from tests.browser.tab import Tab
from tests.compose.engine import ROOT, Compose
from tests.support.api import Api
from tests.support.stack import ADMIN as DEMO
from tests.support.waiting import wait_for

OVERLAY = "deploy/docker-compose.prod.yml"
SECRETS = ("ringback_secret_key", "ringback_database_password", "ringback_redis_password")
HTTP, HTTPS = 8080, 8443
URL = f"https://localhost:{HTTPS}"
# What needs care in addresses, shells and configuration files.
AWKWARD = """ "a"'b'\\c#$d@e:f/g%h?"""
ADMIN = ("operator@example.com", "a long password")


@dataclass(frozen=True)
class Site:
    """A folder as an operator has it: the files of the set-up, a certificate, no secrets yet."""

    folder: Path
    project: str

    @property
    def certificate(self) -> Path:
        return self.folder / "tls/fullchain.pem"

    def compose(self, **environment: str) -> Compose:
        """Its project, with these variables and those that are no secrets."""
        own = {"TLS_DIR": str(self.folder / "tls")}
        own |= {"HTTP_PORT": str(HTTP), "HTTPS_PORT": str(HTTPS)}
        return Compose(self.project, self.folder, (OVERLAY,), own | environment)

    def write_secrets(self) -> None:
        """Readable by all: each service reads them as another user."""
        folder = self.folder / "deploy/secrets"
        folder.mkdir()
        for name in SECRETS:
            (folder / name).write_text(secrets.token_urlsafe(48) + AWKWARD + "\n")
            (folder / name).chmod(0o444)


def make_site(folder: Path, project: str) -> Site:
    shutil.copy(ROOT / "docker-compose.yml", folder)
    parts = shutil.ignore_patterns("secrets")
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=parts)
    site = Site(folder, project)
    site.certificate.parent.mkdir()
    make_certificate(site.certificate, "localhost")
    return site


def make_certificate(path: Path, name: str) -> None:
    key = path.with_name("privkey.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o444)


@pytest.fixture(scope="module")
def image() -> None:
    """The image that all of them run."""
    Compose("ringback-test").run("build")


@pytest.fixture
def site(image: None, tmp_path: Path) -> Iterator[Site]:
    """An empty one."""
    site = make_site(tmp_path, "ringback-test-refused")
    yield site
    # The variables need a value even to take it down.
    site.compose(**dict.fromkeys(map(str.upper, SECRETS), "unused")).down()


def environment(**changes: str) -> dict[str, str]:
    """All secrets as variables."""
    return {name.upper(): secrets.token_urlsafe(48) for name in SECRETS} | changes


def test_a_start_without_a_certificate_is_refused(site: Site) -> None:
    done = site.compose(**environment(TLS_DIR="")).try_to("up", "-d", "--wait")
    assert done.returncode != 0
    assert "TLS_DIR is missing" in done.stderr
    assert ".env.example" in done.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_a_start_without_a_secret_is_refused_by_its_name(site: Site, missing: str) -> None:
    variables = environment()
    del variables[missing.upper()]
    compose = site.compose(**variables)
    done = compose.try_to("up", "-d", "--wait")
    assert done.returncode != 0
    assert f"deploy/secrets/{missing}" in done.stderr
    running = [each.service for each in compose.containers() if each.state["Running"]]
    assert "api" not in running


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"RINGBACK_SECRET_KEY": "short"}, "RINGBACK_SECRET_KEY: has only 5 bytes"),
        ({"RINGBACK_DEMO_USERS": "true"}, "demo_users"),
    ],
)
def test_a_start_with_an_unsafe_setting_is_refused_with_the_reason(
    site: Site, changes: dict[str, str], complaint: str
) -> None:
    compose = site.compose(**environment(**changes))
    assert compose.try_to("up", "-d", "--wait").returncode != 0
    (migrate,) = compose.of("migrate")
    assert migrate.state["ExitCode"] == 78
    assert complaint in compose.run("logs", "migrate")
    assert [each.state["Running"] for each in compose.of("api")] == [False]


@pytest.mark.parametrize("service", ["db", "redis"])
def test_an_empty_password_is_refused(site: Site, service: str) -> None:
    site.write_secrets()
    name = {"db": "ringback_database_password", "redis": "ringback_redis_password"}[service]
    (site.folder / "deploy/secrets" / name).chmod(0o644)
    (site.folder / "deploy/secrets" / name).write_text("")
    compose = site.compose()
    done = compose.try_to("run", "--rm", "--no-deps", service)
    assert done.returncode != 0
    assert name.upper() in done.stderr + done.stdout


@pytest.fixture(scope="module")
def running(image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One that runs, with its secrets in files, and with an administrator."""
    site = make_site(tmp_path_factory.mktemp("site"), "ringback-test-production")
    site.write_secrets()
    compose = site.compose()
    email, password = ADMIN
    create_admin = ("python", "-m", "app", "create-admin", email)
    try:
        compose.up()
        compose.execute("api", *create_admin, input=f"{password}\n")
        yield site
    finally:
        compose.down()


def operator(site: Site) -> Api:
    """The administrator, signed in; the certificate is checked."""
    api = Api(URL)
    api.http.verify = str(site.certificate)
    api.tokens = api.ok(
        "POST", "/v1/login", json=dict(zip(("email", "password"), ADMIN, strict=True))
    )
    api.http.headers["Authorization"] = f"Bearer {api.token}"
    return api


def test_people_sign_in_over_tls_and_demo_users_do_not_exist(running: Site) -> None:
    api = operator(running)
    assert api.ok("GET", "/v1/users/me")["email"] == ADMIN[0]
    assert [each["email"] for each in api.ok("GET", "/v1/users")["items"]] == [ADMIN[0]]
    api.http.headers.pop("Authorization")
    email, password = DEMO
    refused = api.call("POST", "/v1/login", json={"email": email, "password": password})
    assert refused.status_code == 401
    assert api.call("GET", "/v1/users/me").status_code == 401
    assert api.call("GET", "/metrics").status_code == 404
    assert api.call("GET", "/test").status_code == 404


def test_a_file_that_is_sent_to_a_server_is_read_by_a_worker(running: Site) -> None:
    admin = operator(running)
    upload = admin.ok("POST", "/v1/uploads", files={"file": ("a.csv", b"a,b\n")})
    job_id = admin.submit("extract_text", upload_id=upload["id"])["id"]
    assert admin.end_of(job_id)["state"] == "succeeded"


def test_plain_http_leads_to_tls_and_browsers_are_told_to_stay_there(running: Site) -> None:
    plain = requests.get(f"http://localhost:{HTTP}/docs?x=1", allow_redirects=False, timeout=30)
    assert (plain.status_code, plain.headers["Location"]) == (308, f"{URL}/docs?x=1")
    answer = operator(running).call("GET", "/healthz")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_only_the_proxy_is_published(running: Site) -> None:
    found = running.compose().containers()
    published = {each.service: each.published for each in found if each.published}
    assert published == {"proxy": {f":{HTTP}", f":{HTTPS}"}}


def test_what_stops_is_started_again(running: Site) -> None:
    policies = {
        each.service: each.host["RestartPolicy"]["Name"] for each in running.compose().containers()
    }
    assert policies.pop("migrate") in {"", "no"}
    assert set(policies.values()) == {"unless-stopped"}


def test_redis_wants_its_password(running: Site) -> None:
    told = running.compose().try_to("exec", "-T", "redis", "redis-cli", "ping")
    assert "NOAUTH" in told.stdout


def test_no_secret_stands_in_the_environment_or_on_a_command_line(running: Site) -> None:
    folder = running.folder / "deploy/secrets"
    hidden = [(folder / name).read_text().strip() for name in SECRETS]
    for container in running.compose().containers():
        config = str(container.facts["Config"]) + str(container.facts["Args"])
        assert [secret for secret in hidden if secret in config] == []


def test_the_page_is_rung_over_tls(running: Site, browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True, locale="en-GB")
    try:
        tab = Tab(context, URL).sign_in(*ADMIN)
        job_id = tab.run("excel_test", rows=100)
        row = tab.wait_for_job(job_id, "succeeded")
        assert tab.download(row.locator("[data-role=download]")).suggested_filename
        assert tab.errors == []
    finally:
        context.close()


def test_a_renewed_certificate_is_taken_up_without_a_restart(running: Site) -> None:
    before = shown_certificate()
    make_certificate(running.certificate, "localhost")
    wait_for(lambda: shown_certificate() != before, "the new certificate")
    wait_for(lambda: is_trusted(running), "nobody to be shown the old one any more")


def is_trusted(site: Site) -> bool:
    """For a moment, what accepts connections is partly of before the renewal."""
    try:
        return bool(operator(site).ok("GET", "/v1/users/me"))
    except requests.exceptions.SSLError:
        return False


def shown_certificate() -> str:
    return ssl.get_server_certificate(("localhost", HTTPS), timeout=30)
