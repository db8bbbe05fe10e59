"""The command line as a module: python -m detailer."""

import sys

from detailer.apps.cli import main

if __name__ == "__main__":
    sys.exit(main())
