# SPDX-License-Identifier: Apache-2.0
"""barbican.wsgi.api, with the paste file of our choice instead of /etc's."""

import os

from paste import deploy

application = deploy.loadapp('config:' + os.environ['BARBICAN_PASTE'])
