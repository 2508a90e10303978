"""demo, app, doctor: to see it work, to browse, and to find out what is missing."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, Backend, IndexPlace, Uri
from app.console import print_json, stdout

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port on the loopback interface.")]


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", file_okay=False)] = Path("notelens-demo"),
    serve: Annotated[bool, typer.Option("--serve", help="Open the app when done.")] = False,
    port: Port = 8501,
) -> None:
    """Make a demo corpus of 3,000 notes, build its index, and show sample queries."""
    from app.demo.tour import run_tour

    run_tour(folder)
    if serve:
        browse(folder / "index", port=port)


def browse(index: IndexPlace, backend: Backend = None, uri: Uri = None, port: Port = 8501) -> None:
    """Browse an index in a web page on this machine (Streamlit, loopback only)."""
    from app.opening import index_folder

    with index_folder(index, backend, uri) as folder:
        _serve(folder, port, replace=folder == index)


def _serve(index: Path, port: int, replace: bool) -> None:
    """Run Streamlit, in the place of this process where nothing has to be put away afterwards."""
    from importlib.util import find_spec

    from app.errors import AppError
    from app.opening import open_note_index

    open_note_index(index).close()  # says now what is wrong with it, not in the page
    if find_spec("streamlit") is None:
        raise AppError("the app needs streamlit: pip install streamlit")
    script = Path(__file__).parent.parent / "browser.py"
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.primaryColor": "#2f6f6a",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    sys.stderr.write(f"browse at http://127.0.0.1:{port} (Ctrl-C ends it)\n")
    sys.stderr.flush()
    command = [sys.executable, "-m", "streamlit", "run", str(script), *flags, "--", str(index)]
    if replace:
        os.execv(sys.executable, command)  # no shell is involved, and Ctrl-C reaches the server itself
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches the server, too
        subprocess.run(command, check=False)


def doctor(as_json: AsJson = False) -> None:
    """Print versions, devices, threads, and what is missing with how to get it."""
    from app.diagnosis import diagnose

    report = diagnose()
    if as_json:
        print_json(report.as_json())
    else:
        report.print_to(stdout())
    if report.missing:
        raise typer.Exit(1)
