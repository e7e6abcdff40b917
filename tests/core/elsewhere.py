"""The command line on other checkpoints than the shipped ones, which other tests look at meanwhile:
python -m tests.core.elsewhere CHECKPOINTS train ..."""

import sys
from pathlib import Path

from core import checkpoint
from core.__main__ import main

if __name__ == "__main__":
    checkpoint.CHECKPOINTS = Path(sys.argv.pop(1))
    main()
