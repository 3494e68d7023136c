# SPDX-License-Identifier: Apache-2.0
"""Keep the trust columns that release 23.0.0 drops

Release 23.0.0 drops the four trust columns of `cluster` under this revision
id.  They are the only record of one Keystone user and one trust for each
cluster, which the nodes of its Heat stacks go on using, and which only its
deletion can remove.  So this step does nothing here.  A database that went
through the step of 23.0.0 gets the columns back, empty, by e2f5a90c7b14.
"""

revision = 'd7e6a4d39fe4'
down_revision = 'c0f832afc4fd'


def upgrade():
    pass
