# SPDX-License-Identifier: Apache-2.0
"""What a process cannot live without, looked at when it starts.

Only what is configured and installed: other services and the database may be
away for a while, and are waited for.
"""

from magnum.db import session as db
from magnum import openstack
from magnum import seals


def check() -> None:
    """Refuse to start where waiting would not help.

    :raises InfrastructureFailed: in one line that names the option.
    """
    seals.check()
    db.check_address()
    openstack.service_session()
