# SPDX-License-Identifier: Apache-2.0
"""Run the scripts of released clients; `run` says more.

The scripts import nothing of ours: they run in the client's own environment.
"""

from concurrent import futures
import os
import pathlib
import subprocess
import sys
import time

import openstack

from magnum.drivers.k8s_kubeadm_v1 import driver
from tools.minicloud import daemons
from tools.minicloud import processes
from tools.minicloud import released
from tools.minicloud import settings

HERE = pathlib.Path(__file__).resolve().parent


# Those of one line go one after another: they read lists page by page, and
# the other's clusters would vanish between two pages.
QUEUES = (
    (('5.0.0', 'commands'),),
    (('4.11.0', 'commands'),),
    (('5.0.0', 'sdk'), ('4.11.0', 'sdk'), ('4.11.0', 'horizon')))
RUNS = sorted(run for queue in QUEUES for run in queue)


def main(word=''):
    queues = [[run for run in queue if word in ' '.join(run)]
              for queue in QUEUES]
    if processes.running(daemons.API):
        sys.exit('Our daemons run already; '
                 '"tools/minicloud/daemons stop" ends them')
    failed = False
    with daemons.on_a_fresh_database(**daemons.ABLE):
        for (version, script), outcome in begin(queues).items():
            done = outcome.result()
            failed |= done.returncode != 0
            print(f'== {script}, {version}: '
                  f'{"FAILED" if done.returncode else "ok"}\n{done.stdout}',
                  end='', flush=True)
        for name in ('demo', 'demo2'):
            tidy(openstack.connect(cloud=name))
    sys.exit(failed)


def begin(queues=QUEUES):
    """{(version, script): what comes of it}; all are at work at once."""
    make_image()
    outcomes = {}
    for queue in queues:
        with_one = futures.ThreadPoolExecutor(1)
        outcomes |= {run: with_one.submit(perform, *run) for run in queue}
        with_one.shutdown(wait=False)
    return outcomes


def perform(version, script):
    """The completed process of that script."""
    venv = released.install(f'clients-{version}', HERE / f'{version}.lock')
    return subprocess.run(
        [venv / 'bin/python', HERE / f'{script}.py', *driver.Driver.powers],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=900,
        env=settings.environment())


def tidy(cloud):
    """Delete what scripts that failed have left."""
    for cluster in cloud.list_coe_clusters():
        cloud.delete_coe_cluster(cluster.id)
    end = time.monotonic() + 300
    while cloud.list_coe_clusters():
        if time.monotonic() > end:
            sys.exit('Some clusters cannot be deleted')
        time.sleep(1)


def make_image():
    """The image whose clusters are of the driver `able`."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = str(settings.CLOUDS)
    image = openstack.connect(cloud='admin').image
    name = 'ubuntu-kube-able'
    if not image.find_image(name):
        image.create_image(
            name=name, disk_format='raw', container_format='bare',
            visibility='public', min_disk=1, data=b'\0' * 4096,
            allow_duplicates=True, os_distro='ubuntu',
            kube_version='v1.31.4', magnum_driver='able')


if __name__ == '__main__':
    main(*sys.argv[1:])
