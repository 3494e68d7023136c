# SPDX-License-Identifier: Apache-2.0
"""The debug report: what a process does at this moment.

It has the version, the stacks of all threads, the processes below, and the
configuration without secrets.  It goes to standard error, or into a file in
[oslo_reports] log_dir.
"""

import os
import signal

from oslo_config import cfg
from oslo_reports import guru_meditation_report
from oslo_reports import opts

from magnum import version

CONF = cfg.CONF

_Report = guru_meditation_report.TextGuruMeditation


def write(program, frame=None):
    """Write the report of this process."""
    # Those of several processes must not overwrite each other.
    _Report.handle_signal(version, f'{program}-{os.getpid()}',
                          CONF.oslo_reports.log_dir, frame)


def at_signal(program):
    """Write one at each SIGUSR2, which would otherwise end the process."""
    opts.set_defaults(CONF)
    signal.signal(signal.SIGUSR2, lambda number, frame: write(program, frame))


def at_change_of_file(program):
    """Write one when [oslo_reports] file_event_handler, if set, is touched."""
    if CONF.oslo_reports.file_event_handler:
        _Report.setup_autorun(
            version, f'{program}-{os.getpid()}', conf=CONF,
            setup_signal=False)
