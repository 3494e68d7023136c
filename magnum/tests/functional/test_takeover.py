# SPDX-License-Identifier: Apache-2.0
"""A conductor may die at any moment; another one finishes its work.

For each kind of operation and each of its steps: a conductor dies before the
step's effect, or after it and before the check-off.  Another one goes on, and
in the end the world is that of a run that nothing disturbed.
"""

import dataclasses

import pytest

from magnum.operations import delete_cluster
from magnum.operations import registry
from magnum.tests import asking
from magnum.tests import conducting
from magnum.tests.fakes import world as worlds

the_cluster = worlds.cluster


class Crash(BaseException):
    """kill -9, as far as one thread can feel it."""


@pytest.fixture
def world(sqlite_database, monkeypatch):
    with worlds.configured():
        yield worlds.build(monkeypatch)


def die(monkeypatch, kind_name, step_name, moment):
    """The next time the step is run, the conductor dies."""
    kind = registry.KINDS[kind_name]
    alive = [True]

    def deadly(step):
        def run(work):
            if not alive:
                return step.run(work)
            alive.clear()
            if moment == 'after':
                step.run(work)
            raise Crash
        return (dataclasses.replace(step, run=run)
                if step.name == step_name else step)

    monkeypatch.setattr(registry, 'KINDS', {
        **registry.KINDS, kind_name: dataclasses.replace(
            kind, steps=tuple(map(deadly, kind.steps)))})


@pytest.mark.parametrize('kind, step, moment', asking.POINTS)
def test_another_conductor_finishes(world, monkeypatch, kind, step, moment):
    asking.request(world, kind)
    die(monkeypatch, kind, step, moment)
    with pytest.raises(Crash):
        conducting.work()
    conducting.work()
    assert world.seen() == undisturbed(kind, monkeypatch)


def undisturbed(kind, monkeypatch):
    """What there is after a run without a crash, in a world of its own."""
    if kind not in _undisturbed:
        with worlds.another(monkeypatch) as world:
            asking.request(world, kind)
            conducting.work()
            _undisturbed[kind] = world.seen()
    return _undisturbed[kind]


_undisturbed: dict = {}


@pytest.mark.parametrize('kind, step, moment', asking.POINTS)
def test_a_delete_after_a_crash_leaves_nothing(world, monkeypatch, kind, step,
                                               moment):
    asking.request(world, kind)
    die(monkeypatch, kind, step, moment)
    with pytest.raises(Crash):
        conducting.work()
    delete_cluster.request(world.context, the_cluster())
    conducting.work()
    assert world.seen() == worlds.NOTHING


# What is done as whoever asked; all else goes on when the token has ended.
BY_THE_REQUESTER = {'delegate', 'apply'}

# An upgrade may take longer than a token lasts: the service goes on itself.
OUTLASTS_THE_TOKEN = {'upgrade_cluster'}


@pytest.mark.parametrize('kind, step', [
    (kind, step) for kind, step, moment in asking.POINTS
    if moment == 'before'])
def test_a_logout_stops_only_what_needs_the_token(world, monkeypatch, kind,
                                                  step):
    asking.request(world, kind)
    die(monkeypatch, kind, step, 'before')
    with pytest.raises(Crash):
        conducting.work()
    world.end_the_token()
    conducting.work()
    steps = registry.KINDS[kind].steps
    stopped = [later.title for later in steps[names(steps).index(step):]
               if later.name in BY_THE_REQUESTER
               and kind not in OUTLASTS_THE_TOKEN]
    if not stopped:
        assert world.seen() == undisturbed(kind, monkeypatch)
        return
    ended = worlds.operations()[-1]
    assert (ended.state, ended.error_code) == ('FAILED',
                                               'AUTHORISATION_ENDED')
    assert ended.error == (f'Your authorisation ended before {stopped[0]}: '
                           f'submit the request again.')
    assert not worlds.in_progress()
    world.log_in()
    delete_cluster.request(world.context, the_cluster())
    conducting.work()
    assert world.seen() == worlds.NOTHING


def names(steps):
    return [step.name for step in steps]
