# SPDX-License-Identifier: Apache-2.0
"""The parts of the cloud that would need hardware, as plug-ins."""
