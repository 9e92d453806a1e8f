"""Gets programs that the tests need and pip has not: `python tests/system_packages.py chromium redis-server`.

Where they cannot be had, the tests that need them are skipped, except in CI (CI=true), which fails.
"""

import os
import shutil
import subprocess
import sys

NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}


def main(packages: list[str]) -> int:
    """Return the exit status: 1 if CI goes without a program."""
    missing = [package for package in packages if not is_there(package)]
    for package in missing:
        if not (may_install() and install(package) and is_there(package)):
            say(f"{package} is not on this machine: install it, say with `sudo apt-get install {package}`.")
    complete = all(map(is_there, missing))
    return 0 if complete or os.environ.get("CI") != "true" else 1


def is_there(package: str) -> bool:
    """Tell whether a program is on the PATH, under any of its names."""
    return any(map(shutil.which, NAMES.get(package, (package,))))


def may_install() -> bool:
    """Tell whether there is a package manager that obeys us."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> bool:
    """Install a package; what the package manager says is shown only if it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
        done = subprocess.run(  # noqa: S603
            ["apt-get", "-qq", *command],  # noqa: S607
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            say(done.stdout)
            return False
    return True


def say(text: str) -> None:
    """Write to the terminal."""
    sys.stdout.write(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
