"""`python -m authgql` is the command line where its script is not on the path."""

from authgql.cli import main

main()
