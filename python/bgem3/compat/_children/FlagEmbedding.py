"""FlagEmbedding in the processes that a program under `python -m bgem3.compat` starts; sitecustomize.py finds it. It puts the
alias in its own place."""

import sys

from bgem3 import compat

del sys.modules[__name__]
compat.install()
