# SPDX-License-Identifier: Apache-2.0
"""What works on this project, and not in it: `python -m tools...` at the top.
"""
