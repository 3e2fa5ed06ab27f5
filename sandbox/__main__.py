"""`python -m sandbox` is `prop-sandbox`."""

from sandbox.cli import main

main(prog_name="prop-sandbox")
