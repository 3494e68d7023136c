# SPDX-License-Identifier: Apache-2.0
"""The steps that bring a database to the shape of `magnum.db.models`.

The chain starts with the whole schema of release 22.0.0 under that release's
own revision id, so that a database of 18.0.0 to 22.0.0 already is at our base.
The two steps of release 23.0.0 keep their ids as well.  `magnum.db.schema`
runs the chain; nobody else does.
"""
