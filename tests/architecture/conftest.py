from tests.support.in_process import settings  # noqa: F401  # fixture
