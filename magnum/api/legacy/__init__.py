# SPDX-License-Identifier: Apache-2.0
"""Bays, baymodels and federations: what older clients still ask for."""
