# SPDX-License-Identifier: Apache-2.0
"""Magnum: container clusters as a service for OpenStack."""
