"""The command `notelens`. Commands live in app/commands; heavy imports wait inside them until they run."""

import sys
from typing import Annotated

import typer

from app.commands import corpus, evaluate, importing, mine, query, store, suggest, system, train, versions
from app.console import log_to_stderr, print_error
from app.errors import FAILED, known_errors

app = typer.Typer(
    name="notelens",
    help="Multimodal note retrieval: build an index from a folder of notes, ask which notes are like this one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(system.demo)
app.command("check")(corpus.check)
app.command("build")(corpus.build)
app.command("query")(query.query)
app.command("suggest")(suggest.suggest)
app.command("add")(corpus.add)
app.command("delete")(store.delete)
app.command("show")(store.show)
app.command("info")(store.info)
app.command("evaluate")(evaluate.evaluate)
app.command("import")(importing.import_corpus)
app.command("mine")(mine.mine)
app.command("train")(train.train)
app.command("export")(store.export)
app.command("compact")(versions.compact)
app.command("versions")(versions.versions)
app.command("rollback")(versions.rollback)
app.command("migrate")(versions.migrate)
app.command("connect")(versions.connect)
app.command("app")(system.browse)
app.command("doctor")(system.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"notelens {version('notelens')}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    log_to_stderr()


def main() -> None:
    """Run the command; errors written for the user end it with a message, not with a traceback."""
    try:
        app()
    except known_errors() as error:
        print_error(str(error))
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
