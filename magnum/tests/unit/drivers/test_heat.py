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
def cloud():
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


def test_what_heat_does_not_know_is_none(cloud):
    assert heat.look(cloud, 'nothing') is None


def test_a_deleted_stack_is_seen_as_gone(cloud):
    ident = create(cloud)
    heat.delete(cloud, heat.find(cloud, ident))
    cloud.service.complete(ident)
    assert heat.look(cloud, ident).is_gone
