# SPDX-License-Identifier: Apache-2.0
"""Magnum: container clusters as a service for OpenStack.

Threads wait here, not eventlet's green ones.  oslo.service requires eventlet
all the same, and libraries that find it import it: this costs every process
18 MiB and a warning.  So it is hidden before they look.
"""

import sys

from oslo_service import backend

sys.modules.setdefault('eventlet', None)  # type: ignore[arg-type]
backend.register_backend_default_hook(lambda: backend.BackendType.THREADING)
