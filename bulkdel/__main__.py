"""``python -m bulkdel``: the command, also where its script is not on the path."""

from bulkdel.cli import main

main()
