# SPDX-License-Identifier: Apache-2.0
"""What this service does to clusters.

Each kind of operation is one file: `request()` for the API, which writes the
wish down, and `STEPS` for the conductor, which makes it true.
"""
