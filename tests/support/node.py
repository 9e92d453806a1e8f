"""Scripts that other people's clients and gateways run in, in a Node process of their own."""

import asyncio
import subprocess
from asyncio.subprocess import PIPE
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "node"
PATIENCE_SECONDS = 90


def run_script(name: str, *arguments: str) -> str:
    """Run `tests/node/NAME` and return what it printed; what it said on stderr is shown if it fails."""
    done = subprocess.run(  # noqa: S603 -- our own script
        ["node", SCRIPTS / name, *arguments],  # noqa: S607 -- wherever it is installed
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{name} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


async def run_script_beside(name: str, *arguments: str) -> str:
    """Do the same while this event loop goes on, which may be the one that serves the script."""
    process = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / name, *arguments, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{name} failed:\n{output.decode()}\n{errors.decode()}"
    return output.decode()
