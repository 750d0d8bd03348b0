"""The only modules that import an SDK, each inside the function that needs it, and one thread at a time.

Modules of azure.core import each other in circles; where two threads start at two ends of such a circle, Python breaks
the deadlock by handing one of them a module that is half there.
"""

from __future__ import annotations

import threading

importing = threading.RLock()
