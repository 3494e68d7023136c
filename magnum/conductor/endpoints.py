# SPDX-License-Identifier: Apache-2.0
"""What may be asked of a conductor over the bus: to look at the journal."""


class Endpoint:
    """The methods of the RPC server."""

    def __init__(self, worker):
        self._worker = worker

    def look(self, context):
        """There is new work."""
        self._worker.wake()
