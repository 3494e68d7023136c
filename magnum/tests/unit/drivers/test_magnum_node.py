# SPDX-License-Identifier: Apache-2.0
"""The node script, run for real below a scratch directory.

What it calls is replaced by one stand-in that notes its arguments and fails
where a test wants it to.
"""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from magnum.drivers import k8s_kubeadm_v1

SCRIPT = (pathlib.Path(k8s_kubeadm_v1.__file__).parent
          / 'scripts' / 'magnum-node')

STAND_INS = ('kubeadm', 'kubectl', 'systemctl', 'curl', 'modprobe', 'sysctl',
             'swapoff', 'openssl', 'hostname', 'mount', 'umount', 'blkid',
             'mkfs.ext4', 'update-ca-certificates', 'systemd-run',
             'journalctl')

STAND_IN = r'''#!/bin/sh
name=$(basename "$0")
line="$name $*"
echo "$line" >> "$WORLD/calls"
# Each run of an answer's file is another answer.
answer=$WORLD/answers/$name-$1
if [ -e "$answer" ]; then
    sh "$answer" "$@"
    exit
fi
if [ -n "$FAIL" ] && echo "$line" | grep -q -- "$FAIL"; then
    echo "error: stand-in says \"no\" to $name" >&2
    exit 1
fi
case $line in
    "hostname -I") echo "10.0.0.7 fd00::7" ;;
    hostname*) echo node-0 ;;
    "kubeadm version"*) echo "$IMAGE_VERSION" ;;
    "kubeadm config images list"*)
        echo mirror:5000/coredns/coredns:v1.11.3
        echo mirror:5000/etcd:3.5.16-0 ;;
    *auth/tokens*)
        while [ $# -gt 0 ]; do
            case $1 in --dump-header) out=$2 ;; esac
            shift
        done
        printf 'HTTP/1.1 201\r\nX-Subject-Token: tok\r\n\r\n' > "$out" ;;
    *cluster/member/list*)
        case $line in
            *https://"$ETCD"*) cat "$WORLD/members" ;;
            *) exit 7 ;;
        esac ;;
    *InternalIP*) echo 10.0.0.6 ;;
    "kubectl --kubeconfig"*"get pods"*) printf "$PODS" ;;
    *availableReplicas*) printf %s "$COREDNS" ;;
    *k8s-app=kube-dns*) printf %s "$COREDNS_PODS" ;;
    journalctl*) printf "$KUBELET" ;;
    *is-active*) echo activating; exit 3 ;;
    *http://heat/signal*)
        for argument; do
            case $argument in
                @*/body) cat "${argument#@}" >> "$WORLD/signals" ;;
                @*/token) cat "${argument#@}" >> "$WORLD/tokens" ;;
            esac
        done ;;
    *--cacert*/readyz*)
        # Answers only when a node of it is there.
        [ -e "$WORLD/control-plane" ] || exit 7 ;;
    "kubeadm init"*) touch "$WORLD/control-plane" ;;
    *Ready*status*) printf %s "$READY" ;;
    *Ready*message*) printf %s "cni plugin not initialized" ;;
    *taints*) printf %s "$TAINTS" ;;
    *nodeInfo*) printf %s 'v1.31.4|containerd://1.7.24|Ubuntu 22.04|5.15' ;;
    *secret*generic*) echo '{}' ;;
esac
'''


PODS = (r'kube-system/kube-proxy-x1|True|   \n'
        r'kube-flannel/kube-flannel-ds-x2|True|   \n')


class Node:
    def __init__(self, world):
        self.world = world
        self.root = world / 'root'
        for folder in ('etc/magnum', 'etc/kubernetes/pki', 'etc/default',
                       'etc/systemd/system', 'run/containerd',
                       'run/cloud-init', 'var/lib/cloud/instance/scripts',
                       'var/lib/containerd', 'dev/disk/by-id', 'mnt'):
            (self.root / folder).mkdir(parents=True)
        (world / 'bin').mkdir()
        (world / 'answers').mkdir()
        (world / 'members').write_text('{"header":{}}')
        for name in STAND_INS:
            path = world / 'bin' / name
            path.write_text(STAND_IN)
            path.chmod(0o755)
        self.write('run/containerd/containerd.sock', '')
        self.write('run/cloud-init/instance-data.json', json.dumps(
            {'v1': {'instance_id': '8c3b2f6e-6f0e-4a3e-9a35-1d1f5f4f2a10'}},
            indent=1))
        self.write('etc/magnum/signal.json', json.dumps({
            'auth_url': 'http://keystone/v3', 'user_id': 'stack-user',
            'password': 'pa%&*^ss', 'project_id': 'stack-project',
            'alarm_url': 'http://heat/signal'}))
        self.write('etc/magnum/kubeadm.yaml', '{}')
        self.write('etc/magnum/addons.yaml', '{}')
        self.write('etc/magnum/ca.crt', 'PEM')
        self.write('etc/kubernetes/pki/ca.crt', 'PEM')
        self.write('etc/kubernetes/pki/ca.key', 'PEM')
        self.write('var/lib/cloud/instance/user-data.txt', 'secret')

    def write(self, path, text):
        (self.root / path).write_text(text)

    def run(self, role='worker', bootstrap='no', fail='', seconds=1,
            ready='True', taints='', image='v1.31.4', command='run',
            pods=PODS, coredns='2', coredns_pods='', kubelet='', etcd='',
            **env):
        facts = {
            'NODE_NAME': 'node-0', 'ROLE': role, 'INDEX': '0',
            'BOOTSTRAP': bootstrap, 'API_ADDRESS': '10.0.0.5',
            'KUBE_VERSION': 'v1.31.4', 'NODE_TIMEOUT': '600',
            'ETCD_VOLUME': '', 'CONTAINER_VOLUME': '',
            'CLOUD_PROVIDER': 'yes', 'VERIFY_CA': 'True',
            'KUBELET_OPTIONS': '', 'POST_INSTALL_URL': '',
            'GONE': ''} | env
        self.write('etc/magnum/node.env', ''.join(
            f"{key}='{value}'\n" for key, value in facts.items()))
        return subprocess.run(
            ['sh', str(SCRIPT), command], timeout=60, check=False, env={
                'PATH': f'{self.world}/bin:{os.environ["PATH"]}',
                'WORLD': str(self.world), 'FAIL': fail, 'READY': ready,
                'TAINTS': taints, 'IMAGE_VERSION': image, 'PODS': pods,
                'COREDNS': coredns, 'COREDNS_PODS': coredns_pods,
                'KUBELET': kubelet, 'ETCD': etcd,
                'MAGNUM_ROOT': str(self.root), 'MAGNUM_PAUSE': '0',
                'MAGNUM_SECONDS': str(seconds)})

    def answers(self, program, script):
        """A program with its first argument runs `script` instead."""
        (self.world / 'answers' / program).write_text(script)

    @property
    def calls(self):
        return (self.world / 'calls').read_text().splitlines()

    @property
    def signals(self):
        path = self.world / 'signals'
        if not path.exists():
            return []
        text, found = path.read_text(), []
        decoder = json.JSONDecoder()
        while text.strip():
            body, end = decoder.raw_decode(text.lstrip())
            found.append(body)
            text = text.lstrip()[end:]
        return found


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_a_worker_joins_and_says_so(node):
    (node.world / 'control-plane').touch()
    assert node.run().returncode == 0
    signal, = node.signals
    assert signal['status'] == 'SUCCESS'
    assert signal['id'] == 'node-0'
    assert json.loads(signal['data']) == {
        'version': 'v1.31.4', 'runtime': 'containerd://1.7.24',
        'os': 'Ubuntu 22.04', 'kernel': '5.15'}
    assert (node.world / 'tokens').read_text() == 'X-Auth-Token: tok\n'
    assert not any(call.startswith('kubectl apply') for call in node.calls)


def test_the_first_master_begins_and_applies_add_ons(node):
    node.write('etc/magnum/cloud.conf', '[Global]')
    assert node.run('master', 'yes').returncode == 0
    assert [s['status'] for s in node.signals] == ['SUCCESS']
    calls = '\n'.join(node.calls)
    assert 'kubeadm init' in calls
    assert calls.index('secret.yaml') < calls.index('addons.yaml')


def test_a_master_says_which_coredns_its_kubeadm_wants(node):
    assert node.run('master', 'yes').returncode == 0
    signal, = node.signals
    assert json.loads(signal['data'])['dns'] == 'v1.11.3'


def test_a_later_master_joins(node):
    (node.world / 'control-plane').touch()
    assert node.run('master').returncode == 0
    assert any('kubeadm join' in call for call in node.calls)
    assert any('addons.yaml' in call for call in node.calls)


def test_a_second_control_plane_is_never_made(node):
    (node.world / 'control-plane').touch()
    assert node.run('master', 'yes').returncode != 0
    signal, = node.signals
    assert signal['reason'] == (
        'init: the cluster already has a control plane')
    assert not any(call.startswith('kubeadm init') for call in node.calls)


@pytest.mark.parametrize('phase, role, fail', [
    ('boot', 'worker', 'modprobe br_netfilter'),
    ('runtime', 'worker', 'systemctl restart containerd'),
    ('preflight', 'worker', 'kubeadm version'),
    ('preflight', 'worker', 'livez'),
    ('preflight', 'worker', 'openssl'),
    ('init', 'first', 'kubeadm init'),
    ('join', 'worker', 'kubeadm join'),
    ('join', 'master', 'kubeadm join'),
    ('addons', 'first', 'addons.yaml'),
    ('addons', 'master', 'secret generic'),
    ('ready', 'first', 'readyz'),
    ('ready', 'worker', 'get node'),
])
def test_a_failure_is_told_once_with_its_phase(node, phase, role, fail):
    node.write('etc/magnum/cloud.conf', '[Global]')
    if role != 'first':
        (node.world / 'control-plane').touch()
    result = node.run('master' if role in ('first', 'master') else role,
                      'yes' if role == 'first' else 'no', fail=fail)
    assert result.returncode != 0
    signal, = node.signals
    assert signal['status'] == 'FAILURE'
    assert signal['reason'].startswith(f'{phase}: ')
    assert len(signal['reason']) < 320


def test_when_heat_cannot_be_told_the_node_fails(node):
    (node.world / 'control-plane').touch()
    assert node.run(fail='http://heat').returncode != 0
    log = (node.root / 'var/log/magnum-node.log').read_text()
    assert 'could not tell Heat' in log


def test_a_ready_node_is_ready_without_its_facts(node):
    (node.world / 'control-plane').touch()
    assert node.run(fail='nodeInfo').returncode == 0
    signal, = node.signals
    assert signal['status'] == 'SUCCESS'


def test_a_volume_that_never_comes_is_a_failure_of_the_disk(node):
    node.run(CONTAINER_VOLUME='11111111-2222-3333-4444-555555555555')
    signal, = node.signals
    assert signal['reason'] == (
        'disk: volume 11111111-2222-3333-4444-555555555555 not attached '
        'after 180 s')


def test_a_volume_is_mounted_and_made_only_if_blank(node):
    (node.world / 'control-plane').touch()
    node.write('dev/disk/by-id/virtio-11111111-2222-3333-4', '')
    volume = '11111111-2222-3333-4444-555555555555'
    assert node.run(CONTAINER_VOLUME=volume).returncode == 0
    assert not any(call.startswith('mkfs') for call in node.calls)
    assert node.run(CONTAINER_VOLUME=volume, fail='blkid').returncode == 0
    assert any(call.startswith('mkfs') for call in node.calls)


def test_the_wrong_version_is_told(node):
    node.run(image='v1.30.0')
    signal, = node.signals
    assert signal['reason'] == (
        'preflight: image has v1.30.0, cluster wants v1.31.4')


def test_a_node_that_is_not_ready_says_why(node):
    (node.world / 'control-plane').touch()
    node.run(ready='False')
    signal, = node.signals
    assert signal['reason'] == (
        'ready: node NotReady: cni plugin not initialized')


def test_a_node_without_its_cloud_provider_is_not_ready(node):
    (node.world / 'control-plane').touch()
    taint = 'node.cloudprovider.kubernetes.io/uninitialized'
    node.run(taints=taint)
    signal, = node.signals
    assert signal['reason'] == f'ready: node still tainted {taint}'


def test_without_a_cloud_provider_the_node_names_its_server(node):
    (node.world / 'control-plane').touch()
    node.run(CLOUD_PROVIDER='no', KUBELET_OPTIONS='--v=2')
    options = (node.root / 'etc/default/kubelet').read_text()
    assert options == (
        "KUBELET_EXTRA_ARGS='--provider-id=openstack:///"
        "8c3b2f6e-6f0e-4a3e-9a35-1d1f5f4f2a10 --v=2'\n")


def test_secrets_are_gone_at_the_end_and_keys_stay(node):
    node.write('etc/magnum/cloud.conf', '[Global]')
    node.run('master', 'yes')
    left = {path.name for path in (node.root / 'etc/magnum').iterdir()}
    assert left == {'node.env', 'ca.crt'}
    assert not (node.root / 'var/lib/cloud/instance/user-data.txt').exists()
    assert (node.root / 'etc/kubernetes/pki/ca.key').exists()


def test_no_secret_is_an_argument_or_in_the_log(node):
    (node.world / 'control-plane').touch()
    node.run()
    log = (node.root / 'var/log/magnum-node.log').read_text()
    for text in (*node.calls, log):
        assert 'pa%&*^ss' not in text


def test_up_starts_a_unit_of_its_own(node):
    assert node.run(command='up').returncode == 0
    assert node.calls[-1].startswith('systemd-run --unit=magnum-node')


@pytest.mark.skipif(not shutil.which('shellcheck'), reason='no shellcheck')
def test_the_script_is_clean():
    subprocess.run(['shellcheck', str(SCRIPT)], check=True)


@pytest.mark.parametrize(('role', 'bootstrap'), [
    ('master', 'yes'), ('master', 'no'), ('worker', 'no')])
def test_no_pod_runs_before_the_metadata_service_is_shut(node, role,
                                                         bootstrap):
    if bootstrap == 'no':
        (node.world / 'control-plane').touch()
    assert node.run(role, bootstrap).returncode == 0
    unit = 'magnum-metadata-block.service'
    shut = node.calls.index(f'systemctl enable --now {unit}')
    begins = min(number for number, call in enumerate(node.calls)
                 if call.startswith(('kubeadm init', 'kubeadm join')))
    assert shut < begins
    # Rules of the cluster's own network may be in front of it by then.
    assert node.calls[-1] == f'systemctl restart {unit}'
    text = (node.root / 'etc/systemd/system' / unit).read_text()
    assert '-I FORWARD -d 169.254.169.254 -j DROP' in text


def test_a_node_without_that_rule_is_a_node(node):
    (node.world / 'control-plane').touch()
    assert node.run(fail='metadata-block').returncode == 0
    assert [signal['status'] for signal in node.signals] == ['SUCCESS']


def members(*members):
    return json.dumps({'header': {'cluster_id': '1', 'member_id': '2'},
                       'members': list(members)}, separators=(',', ':'))


def member(ident, name, address, learner=False):
    body = {'ID': str(ident), 'name': name,
            'peerURLs': [f'https://{address}:2380'],
            'clientURLs': [f'https://{address}:2379'] if name else []}
    if not name:
        del body['name'], body['clientURLs']
    return body | ({'isLearner': True} if learner else {})


def removed(node):
    return [call.partition('--data ')[2].split()[0] for call in node.calls
            if 'cluster/member/remove' in call]


SURVIVOR = member(11, 'node-1', '10.0.0.6')


def test_a_master_removes_its_dead_member_before_it_tries_again(node):
    """kubeadm announces it to etcd before it starts etcd there."""
    (node.world / 'control-plane').touch()
    (node.world / 'members').write_text(members(
        SURVIVOR, member(18446744073709551615, '', '10.0.0.7', learner=True)))
    node.answers('kubeadm-join', 'n=$(cat $WORLD/tries 2>/dev/null); '
                                 'echo "x$n" > $WORLD/tries; [ -n "$n" ]')
    assert node.run('master', etcd='10.0.0.6', seconds=20).returncode == 0
    calls = node.calls
    removals = [number for number, call in enumerate(calls)
                if 'cluster/member/remove' in call]
    joins = [number for number, call in enumerate(calls)
             if call.startswith('kubeadm join')]
    reset, = (number for number, call in enumerate(calls)
              if call.startswith('kubeadm reset'))
    assert joins[0] < removals[-1] < reset < joins[1]
    assert set(removed(node)) == {'{"ID":"18446744073709551615"}'}
    assert {call.rpartition(' ')[2] for call in calls
            if 'member/remove' in call} == {
                'https://10.0.0.6:2379/v3/cluster/member/remove'}


def test_a_new_master_removes_members_of_masters_that_are_gone(node):
    (node.world / 'control-plane').touch()
    (node.world / 'members').write_text(members(
        SURVIVOR, member(12, 'node-2', '10.0.0.8'),
        member(13, 'node-3', '10.0.0.9'), member(14, 'node-30', '10.0.0.10')))
    assert node.run('master', etcd='10.0.0.6', GONE='2 3').returncode == 0
    assert removed(node) == ['{"ID":"12"}', '{"ID":"13"}']
    deleted = [call.split('delete node ')[1].split()[0]
               for call in node.calls if 'delete node' in call]
    assert deleted == ['node-2', 'node-3']
    join = next(number for number, call in enumerate(node.calls)
                if call.startswith('kubeadm join'))
    assert not any('member/remove' in call for call in node.calls[join:])


def test_members_of_masters_that_are_gone_are_removed_at_each_try(node):
    """The API may not have answered the first time."""
    (node.world / 'control-plane').touch()
    (node.world / 'members').write_text(members(
        SURVIVOR, member(12, 'node-2', '10.0.0.8')))
    node.answers('kubeadm-join', 'n=$(cat $WORLD/tries 2>/dev/null); '
                                 'echo "x$n" > $WORLD/tries; [ -n "$n" ]')
    assert node.run('master', etcd='10.0.0.6', GONE='2',
                    seconds=20).returncode == 0
    assert removed(node) == ['{"ID":"12"}', '{"ID":"12"}']


@pytest.mark.parametrize('env', [
    {'fail': 'kubeadm join'}, {'fail': 'addons.yaml'}, {'ready': 'False'}])
def test_a_master_that_failed_is_no_member_of_etcd(node, env):
    (node.world / 'control-plane').touch()
    (node.world / 'members').write_text(members(
        SURVIVOR, member(15, 'node-0', '10.0.0.7')))
    assert node.run('master', etcd='127.0.0.1', **env).returncode != 0
    assert '{"ID":"15"}' in removed(node)
    assert '{"ID":"11"}' not in removed(node)
    assert any('delete node node-0' in call for call in node.calls)
    assert [signal['status'] for signal in node.signals] == ['FAILURE']
    assert node.calls[-1].startswith('kubeadm reset')


def test_the_first_master_and_workers_do_not_touch_etcd(node):
    node.run('master', 'yes', fail='addons.yaml', etcd='127.0.0.1')
    assert not any('cluster/member' in call for call in node.calls)
    (node.world / 'control-plane').touch()
    node.run('worker', fail='kubeadm join', etcd='127.0.0.1')
    assert not any('cluster/member' in call for call in node.calls)


def test_kubeadm_ends_when_the_time_for_the_node_does(node):
    """Heat gives up then, and would never hear of the reason."""
    (node.world / 'control-plane').touch()
    node.answers('kubeadm-join', 'echo "[check-etcd] Waiting"; exec sleep 50')
    node.run(seconds=2)
    signal, = node.signals
    assert signal['reason'] == (
        'join: kubeadm join was not done when the time for this node ended; '
        'its last line: [check-etcd] Waiting')


def test_errors_of_kubeadm_are_the_reason(node):
    (node.world / 'control-plane').touch()
    node.answers('kubeadm-join', """
echo '[preflight] Running pre-flight checks'
echo 'error execution phase preflight: [preflight] Some fatal errors occurred:'
echo '	[ERROR ImagePull]: failed to pull image registry/pause:3.10: refused'
echo '	[ERROR Swap]: running with swap on is not supported'
echo '[preflight] If you know what you are doing...'
echo 'error: error execution phase preflight: preflight checks failed'
echo 'To see the stack trace of this error execute with --v=5 or higher'
exit 1""")
    node.run()
    signal, = node.signals
    assert signal['reason'] == (
        'join: [ERROR ImagePull]: failed to pull image registry/pause:3.10: '
        'refused; [ERROR Swap]: running with swap on is not supported')


def test_a_kubelet_that_does_not_run_is_asked_why(node):
    node.answers('kubeadm-init', """
echo 'error: error execution phase wait-control-plane: The kubelet is not \
healthy after 4m0.000s'
exit 1""")
    node.run('master', 'yes', kubelet=(
        r'I1127 10:00:00.000000  12 server.go:1] "Starting"\n'
        r'E1127 10:00:00.000000  12 run.go:72] "command failed" '
        r'err="failed to validate kubelet flags: unknown flag: --foo"\n'))
    signal, = node.signals
    assert signal['reason'] == (
        'init: error execution phase wait-control-plane: The kubelet is not '
        'healthy after 4m0.000s; the kubelet says: command failed err=failed '
        'to validate kubelet flags: unknown flag: --foo')


def test_a_node_object_that_is_not_there_is_told(node):
    (node.world / 'control-plane').touch()
    node.answers('kubectl---kubeconfig', """
echo 'Error from server (NotFound): nodes "node-0" not found' >&2
exit 1""")
    node.run()
    signal, = node.signals
    assert signal['reason'] == (
        'ready: there is no Node object; the kubelet says: nothing; its unit '
        'is activating')


@pytest.mark.parametrize('role, bootstrap, world, reason', [
    ('worker', 'no', {'pods': ''},
     'this node has no pod kube-system/kube-proxy yet'),
    ('worker', 'no', {'pods': r'kube-system/kube-proxy-x|True|  \n'},
     'this node has no pod kube-flannel/kube-flannel yet'),
    ('master', 'yes', {'pods': r'kube-system/kube-proxy-x|False|  '
                               r'CrashLoopBackOff back-off 10s\n'},
     'pod kube-system/kube-proxy-x is not ready: CrashLoopBackOff back-off '
     '10s'),
    ('master', 'yes', {'coredns': ''},
     'this node has no pod kube-system/coredns yet'),
    ('master', 'yes', {
        'coredns': '0',
        'coredns_pods': 'kube-system/coredns-y|False|ImagePullBackOff no'},
     'pod kube-system/coredns-y is not ready: ImagePullBackOff no'),
])
def test_no_node_is_ready_before_what_pods_need(node, role, bootstrap, world,
                                                reason):
    if bootstrap == 'no':
        (node.world / 'control-plane').touch()
    assert node.run(role, bootstrap, **world).returncode != 0
    signal, = node.signals
    # `tr` leaves one blank for each field that is empty.
    assert ' '.join(signal['reason'].split()) == f'ready: {reason}'


def test_settings_of_the_kernel_outlive_a_restart(node):
    (node.world / 'control-plane').touch()
    node.run()
    assert (node.root / 'etc/modules-load.d/magnum.conf').read_text() == (
        'overlay\nbr_netfilter\n')
    assert (node.root / 'etc/sysctl.d/99-magnum.conf').read_text() == (
        'net.ipv4.ip_forward = 1\n'
        'net.bridge.bridge-nf-call-iptables = 1\n')


def test_nothing_starts_without_its_volume(node):
    """etcd would serve an empty cluster."""
    (node.world / 'control-plane').touch()
    node.write('dev/disk/by-id/virtio-11111111-2222-3333-4', '')
    node.write('dev/disk/by-id/virtio-66666666-7777-8888-9', '')
    assert node.run(
        'master', CONTAINER_VOLUME='11111111-2222-3333-4444-555555555555',
        ETCD_VOLUME='66666666-7777-8888-9999-000000000000').returncode == 0
    mounts = (node.root / 'etc/fstab').read_text()
    assert 'nofail' not in mounts
    assert mounts.count(' ext4 defaults 0 2\n') == 2
    for unit in ('containerd', 'kubelet'):
        drop_in = node.root / (
            f'etc/systemd/system/{unit}.service.d/magnum-volumes.conf')
        assert drop_in.read_text() == (
            '[Unit]\nRequiresMountsFor=/var/lib/containerd\n'
            'RequiresMountsFor=/var/lib/etcd\n')


def test_what_cloud_init_keeps_is_removed_now_and_at_each_start(node):
    (node.world / 'control-plane').touch()
    kept = ('var/lib/cloud/instance/user-data.txt',
            'var/lib/cloud/instance/user-data.txt.i',
            'var/lib/cloud/instance/cloud-config.txt',
            'var/lib/cloud/instance/obj.pkl',
            'var/lib/cloud/instance/scripts/runcmd',
            'run/cloud-init/combined-cloud-config.json',
            'run/cloud-init/instance-data-sensitive.json')
    for path in kept:
        node.write(path, 'secret')
    assert node.run().returncode == 0
    assert not [path for path in kept if (node.root / path).exists()]
    unit = 'magnum-clean.service'
    assert f'systemctl enable {unit}' in node.calls
    assert f'ExecStart={SCRIPT.resolve()} clean\n' in (
        node.root / 'etc/systemd/system' / unit).read_text()
    (node.root / 'var/lib/cloud/instance/scripts').mkdir()
    for path in kept:
        node.write(path, 'secret')
    assert node.run(command='clean').returncode == 0
    assert not [path for path in kept if (node.root / path).exists()]
