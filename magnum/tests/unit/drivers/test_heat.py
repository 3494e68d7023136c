# SPDX-License-Identifier: Apache-2.0
"""Stacks: names, adoption, and one look for many who wait."""

import threading

from heatclient import exc
import pytest

from magnum.drivers import heat
from magnum import errors
from magnum.tests.unit.drivers import specs

TEMPLATE = 'parameters: {n: {type: number}, new: {default: 1}}'


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setattr(heat, '_projects', {})
    return specs.Cloud()


def create(cloud, name='a-1', mark=('magnum', 'x')):
    return heat.create(cloud, name, mark, 60, TEMPLATE, {}, {'n': 1})


@pytest.mark.parametrize('name, slug', [
    ('prod', 'prod'), ('My_cluster.1', 'my-cluster-1'), ('1st', 'k1st'),
    ('-dash', 'dash'), ('\u00e4\u00f6', 'k'), ('x' * 60, 'x' * 30)])
def test_a_stack_is_named_like_its_cluster(name, slug):
    assert heat.stack_name(name, specs.UUID) == f'{slug}-8c3b2f6e6f0e'


def test_creating_twice_adopts_the_first(cloud):
    assert create(cloud) == create(cloud)
    assert len(cloud.service.live()) == 1


def test_an_answer_that_was_lost_costs_no_second_stack(cloud):
    cloud.service.lost['create'] = [exc.CommunicationError('broken')]
    with pytest.raises(errors.Temporary):
        create(cloud)
    create(cloud)
    assert len(cloud.service.live()) == 1


def test_the_stack_of_somebody_else_is_not_adopted(cloud):
    create(cloud, mark=('other',))
    with pytest.raises(errors.Conflict, match='does not belong'):
        create(cloud)


def test_a_stack_is_found_by_name_only_while_it_lives(cloud):
    ident = create(cloud)
    heat.delete(cloud, heat.find(cloud, 'a-1'))
    cloud.service.complete(ident)
    assert heat.find(cloud, 'a-1') is None
    assert heat.find(cloud, ident) is None


def test_deleting_what_is_gone_is_a_success(cloud):
    stack = heat.find(cloud, create(cloud))
    heat.delete(cloud, stack)
    cloud.service.complete(stack.id)
    heat.delete(cloud, stack)


def test_a_patch_keeps_what_it_does_not_send(cloud):
    stack = heat.find(cloud, create(cloud))
    heat.patch(cloud, stack, TEMPLATE, {}, {'new': 2})
    kept = cloud.service.stacks[stack.id].parameters
    assert kept == {'n': 1, 'new': 2}


def test_many_who_wait_share_one_list_call(cloud):
    idents = [create(cloud, f'a-{n}') for n in range(50)]
    for ident in idents:
        heat.look(cloud, ident)
    cloud.service.calls.clear()
    for project in heat._projects.values():
        project.taken = 0
    threads = [threading.Thread(target=heat.look, args=(cloud, ident))
               for ident in idents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloud.service.calls == {'list': 1}


def test_a_look_after_a_change_sees_the_change(cloud):
    ident = create(cloud)
    cloud.service.complete(ident)
    stack = heat.find(cloud, ident)
    other = create(cloud, 'a-2')
    heat.look(cloud, ident)
    heat.look(cloud, other)
    heat.patch(cloud, stack, TEMPLATE, {}, {'n': 2})
    assert heat.look(cloud, ident).status == 'IN_PROGRESS'


def test_a_result_is_given_out_once(cloud):
    ident = create(cloud)
    cloud.service.complete(ident)
    assert heat.look(cloud, ident).status == 'COMPLETE'
    # Another process changes it; ours does not know.
    cloud.service.stacks[ident].begin('UPDATE')
    assert heat.look(cloud, ident).status == 'IN_PROGRESS'


@pytest.fixture
def slow_list(cloud, monkeypatch):
    """Heat does not answer the list call until told: (asked, answer)."""
    asked, answer = threading.Event(), threading.Event()
    listed = cloud.heat.stacks.list

    def list_stacks(**query):
        asked.set()
        assert answer.wait(60)
        return listed(**query)
    monkeypatch.setattr(cloud.heat.stacks, 'list', list_stacks)
    yield asked, answer
    answer.set()


def test_a_slow_answer_in_one_project_holds_up_no_other(cloud, slow_list):
    asked, answer = slow_list
    other = specs.Cloud(project_id='p2')
    mine, theirs = create(cloud), create(other)
    looking = threading.Thread(target=heat.look, args=(cloud, mine))
    looking.start()
    assert asked.wait(60)
    heat.forget(theirs)
    assert heat.look(other, theirs).status == 'IN_PROGRESS'
    # Nor its own project's other operations, which just changed a stack.
    heat.forget(mine)
    answer.set()
    looking.join(60)


def test_who_asks_while_heat_is_slow_is_told_to_come_again(
        cloud, slow_list, monkeypatch):
    asked, answer = slow_list
    monkeypatch.setattr(heat, 'PATIENCE_SECONDS', 0.01)
    first, second = create(cloud), create(cloud, 'a-2')
    looking = threading.Thread(target=heat.look, args=(cloud, first))
    looking.start()
    assert asked.wait(60)
    with pytest.raises(errors.Temporary, match='asking again'):
        heat.look(cloud, second)
    answer.set()
    looking.join(60)
    assert heat.look(cloud, second).status == 'IN_PROGRESS'


def test_what_was_known_is_told_while_heat_is_slow(
        cloud, slow_list, monkeypatch):
    asked, answer = slow_list
    monkeypatch.setattr(heat, 'PATIENCE_SECONDS', 0.01)
    ident = create(cloud)
    answer.set()
    assert heat.look(cloud, ident).status == 'IN_PROGRESS'
    asked.clear()
    answer.clear()
    for project in heat._projects.values():
        project.taken = 0
    looking = threading.Thread(target=heat.look, args=(cloud, ident))
    looking.start()
    assert asked.wait(60)
    assert heat.look(cloud, ident).status == 'IN_PROGRESS'
    answer.set()
    looking.join(60)


def test_a_change_during_a_slow_look_is_not_overwritten_by_it(
        cloud, monkeypatch):
    ident = create(cloud)
    cloud.service.complete(ident)
    listed = cloud.heat.stacks.list

    def list_and_change(**query):
        rows = list(listed(**query))
        monkeypatch.setattr(cloud.heat.stacks, 'list', listed)
        heat.patch(cloud, heat.find(cloud, ident), TEMPLATE, {}, {'n': 2})
        return rows
    monkeypatch.setattr(cloud.heat.stacks, 'list', list_and_change)
    assert heat.look(cloud, ident).status == 'IN_PROGRESS'


def test_what_heat_does_not_know_is_none(cloud):
    assert heat.look(cloud, 'nothing') is None


def test_a_deleted_stack_is_seen_as_gone(cloud):
    ident = create(cloud)
    heat.delete(cloud, heat.find(cloud, ident))
    cloud.service.complete(ident)
    assert heat.look(cloud, ident).is_gone
