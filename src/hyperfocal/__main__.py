"""`python -m hyperfocal`."""

from hyperfocal.cli.main import main

main()
