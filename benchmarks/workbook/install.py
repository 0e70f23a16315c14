"""Install what the benchmark compares with; what is there already is skipped. `make bench` calls it."""

import sys

from app.standalone import bootstrap

REQUIREMENTS = "requirements/bench.txt"
FOLDER = "benchmarks/workbook"


def main() -> int:
    """Do it; returns the exit status."""
    stamp = bootstrap.Stamp(bootstrap.VENV / "bench.json")
    digest = bootstrap.digest_of(
        REQUIREMENTS, f"{FOLDER}/package.json", f"{FOLDER}/package-lock.json"
    )
    modules = bootstrap.ROOT / FOLDER / "node_modules"
    if stamp.holds("workbook", digest) and modules.is_dir():
        return 0
    try:
        bootstrap.say(f"Installing what {REQUIREMENTS} and {FOLDER}/package.json pin ...")
        bootstrap.install(REQUIREMENTS)
        npm = [*bootstrap.npm_command(), "--prefix", FOLDER, "ci"]
        bootstrap.run(npm, f"npm could not fetch the parts of {FOLDER}: see above. Mend that")
    except (bootstrap.Problem, OSError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    stamp.write({"workbook": digest})
    return 0


if __name__ == "__main__":
    sys.exit(main())
