# SPDX-License-Identifier: Apache-2.0
"""The process that does what the journal says."""
