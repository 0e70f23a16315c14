"""The sign-in of the browser's module, against servers that only the test has written."""

from tests.browser.parts import run


def test_an_abort_is_the_callers_own_and_not_the_servers_silence() -> None:
    script = """
      globalThis.fetch = (url, { signal }) => new Promise((resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)));
      const names = [];
      const own = new AbortController();
      setTimeout(() => own.abort(), 10);
      for (const signal of [own.signal, AbortSignal.timeout(10)]) {
        const lives = setTimeout(() => {}, 50_000); // the signal's own timer keeps no process alive
        await new Api("http://x").send("GET", "/", { signal }).catch((e) => names.push(e instanceof ApiError ? e.code : e.name));
        clearTimeout(lives);
      }
      return names;
    """
    assert run(script) == ["AbortError", "unreachable"]
