# SPDX-License-Identifier: Apache-2.0
"""Who gets the free slots."""

import pytest

from magnum.conductor import shares
from magnum.operations import journal


def line(**projects):
    """That many operations of each project wait, in this order."""
    waiting = [journal.Candidate(number, 0, project, place)
               for number, (project, place) in enumerate(
                   (project, place) for project, many in projects.items()
                   for place in range(1, many + 1))]
    return sorted(waiting, key=lambda one: one.place)


def chosen(waiting, held, slots=8):
    return [one.project_id for one in shares.choose(waiting, held, slots)]


def test_one_project_leaves_a_slot_for_others():
    assert chosen(line(a=300), []) == ['a'] * 7


def test_the_last_slot_is_for_a_project_that_has_none():
    held = ['a'] * 7
    assert chosen(line(a=300), held) == []
    assert chosen(line(a=300, b=3), held) == ['b']


def test_slots_go_round():
    assert chosen(line(a=9, b=9, c=1), [])[:5] == ['a', 'b', 'c', 'a', 'b']


def test_who_holds_more_comes_later():
    assert chosen(line(a=9, b=9), ['a'] * 4) == ['b'] * 3


def test_nobody_is_kept_out_of_a_single_slot():
    assert chosen(line(a=9, b=9), [], 1) == ['a']
    assert chosen(line(a=9, b=9), ['a'], 1) == []


@pytest.mark.parametrize('slots, free', [(1, 1), (4, 1), (8, 1), (80, 10)])
def test_what_is_kept_free_grows_with_the_slots(slots, free):
    assert shares.kept_free(slots) == free
    assert len(chosen(line(a=300), [], slots)) == max(1, slots - free)


def test_operations_of_no_project_are_one_projects():
    waiting = [journal.Candidate(number, 0, None, number + 1)
               for number in range(9)]
    assert chosen(waiting, []) == [None] * 7
