# SPDX-License-Identifier: Apache-2.0
"""The API described for machines, made from the types and the routes."""
