"""``python -m oncotrace``: the same as the command ``oncotrace``."""

from oncotrace.cli.app import main

main()
