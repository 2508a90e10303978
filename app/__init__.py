"""What people touch: the command, the web page, settings, and the demo corpus.

cli.py, commands/     the command `notelens`, a function a command
browser.py, browsing/ the Streamlit page: search, a note and its similar notes
demo/                 the generated corpus and the tour through it
settings.py           configuration files and environment, read here and nowhere else
console.py, tables.py how results, progress and errors are printed; errors.py: exit codes
diagnosis.py          what `doctor` looks at
"""
