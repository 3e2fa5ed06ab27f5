"""`python -m service` is `prop`."""

from service.cli import main

main(prog_name="prop")
