"""How many calls may be in flight: it grows while the endpoint allows it, and falls when it does not."""

from __future__ import annotations

import math
import random
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.reviews.reviewers.concurrency import Concurrency
from tests.support.load import Simulation
from tests.support.thorough import repetitions

ANSWER, REFUSAL, ERROR = "answer", "refusal", "error"


def test_an_even_endpoint_gets_twice_as_many_calls_after_each_round() -> None:
    """Until the maximum."""
    simulation = Simulation(lambda _: 0.5)
    simulation.run(16 + 32 + 64)
    assert [simulation.allowed[number] for number in (0, 15, 47, -1)] == [17, 32, 64, 64]


def test_a_slow_but_steady_endpoint_is_not_slowing_down() -> None:
    """Its first answers are what it is compared with."""
    simulation = Simulation(lambda _: 10.0)
    simulation.run(200)
    assert simulation.concurrency.allowed == 64


@pytest.mark.parametrize("capacity", [1, 5, 20, 40])
def test_it_settles_near_the_number_above_which_calls_are_refused(capacity: int) -> None:
    """That is between half of it, to which a refusal takes the number, and one above it, which is refused."""
    simulation = Simulation(lambda in_flight: 1.0 if in_flight <= capacity else None)
    simulation.run(1500)
    settled = simulation.allowed[-700:]
    assert capacity // 2 <= min(settled) <= max(settled) <= capacity + 1
    assert mean(settled) >= 0.7 * capacity


@pytest.mark.parametrize("workers", [20, 30])
def test_it_settles_where_more_calls_only_wait(workers: int) -> None:
    """All workers of the endpoint are busy, and its queue is at most half as long again."""
    simulation = Simulation(lambda in_flight: max(1.0, in_flight / workers))
    simulation.run(2000)
    assert workers <= min(simulation.allowed[-500:]) <= max(simulation.allowed[-500:]) <= 1.5 * workers + 2


def test_slowness_takes_it_back_to_the_start_at_most() -> None:
    """An endpoint that is slow for reasons of its own would otherwise get one call at a time."""
    latency = 1.0
    simulation = Simulation(lambda _: latency, start=15)
    simulation.run(200)
    latency = 5.0
    simulation.run(1000)
    assert simulation.concurrency.allowed == 15


def test_slowness_after_refusals_raises_nothing() -> None:
    """Below the start, the number waits for the endpoint to recover."""
    latency: float | None = 1.0
    simulation = Simulation(lambda _: latency)
    simulation.run(20)
    latency = None
    simulation.run(200)
    latency = 5.0
    simulation.run(1000)
    assert max(simulation.allowed[-900:]) < 16


def test_it_grows_again_when_the_endpoint_is_as_fast_as_before() -> None:
    """One more for each window of answers."""
    latency = 1.0
    simulation = Simulation(lambda _: latency)
    simulation.run(100)
    latency = 5.0
    simulation.run(1000)
    latency = 1.0
    simulation.run(3000)
    assert simulation.concurrency.allowed == 64


@pytest.mark.parametrize("spread", [0.3, 0.6, 1.0])
def test_answers_of_different_length_are_not_slowness(spread: float) -> None:
    """Of a hundred runs with random latencies, hardly any stops short of the maximum."""
    short = 0
    for seed in range(repetitions(40, 300)):
        generator = random.Random(seed)
        simulation = Simulation(lambda _, of=generator: math.exp(of.gauss(0, spread)))  # type: ignore[misc]
        simulation.run(250)
        short += max(simulation.allowed) < 64
    assert short <= repetitions(40, 300) / 20


def test_a_few_slow_calls_are_not_slowness() -> None:
    """One call in five that takes twenty times as long stops nothing."""
    generator = random.Random(0)
    simulation = Simulation(lambda _: 20.0 if generator.random() < 0.2 else 1.0)
    simulation.run(400)
    assert simulation.concurrency.allowed == 64


def test_calls_that_take_a_large_part_of_the_timeout_let_it_not_grow() -> None:
    """Twice as many might exceed it."""
    simulation = Simulation(lambda _: 20.0)
    simulation.run(200)
    assert simulation.concurrency.allowed == 16


def test_calls_that_one_wave_of_refusals_ends_halve_it_once() -> None:
    """Those in flight at the first refusal say nothing about the half that is allowed now."""
    concurrency = Concurrency(16, 64, 60.0, clock=iter(range(100)).__next__)
    began = [concurrency.begin() for _ in range(16)]
    for moment in began:
        concurrency.on_refusal(moment, 429)
        concurrency.end()
    assert concurrency.allowed == 8
    concurrency.on_refusal(concurrency.begin(), 503)
    used = concurrency.used()
    assert (concurrency.allowed, used.halved, used.refusals) == (4, 2, {"429": 16, "503": 1})


def test_calls_that_began_before_a_refusal_say_nothing_when_they_are_answered() -> None:
    """They neither let the number grow nor count as slow."""
    now = 0.0
    concurrency = Concurrency(16, 64, 60.0, clock=lambda: now)
    began = [concurrency.begin() for _ in range(16)]
    now = 1.0
    concurrency.on_refusal(began.pop(), 429)
    for moment in began:
        concurrency.on_answer(moment)
    assert concurrency.allowed == 8


def test_it_does_not_grow_while_fewer_calls_are_made_than_allowed() -> None:
    """A budget or a pace may hold them back; what was never tried is not known to work."""
    now = 0.0
    concurrency = Concurrency(16, 64, 60.0, clock=lambda: now)
    for _ in range(200):
        began = concurrency.begin()
        now += 1.0
        concurrency.on_answer(began)
        concurrency.end()
    assert concurrency.allowed == 16


@settings(max_examples=repetitions(60, 500))
@given(
    start=st.integers(1, 40),
    most=st.integers(1, 80),
    steps=st.lists(st.tuples(st.sampled_from([ANSWER, REFUSAL, ERROR]), st.floats(0.001, 100), st.integers(0, 99))),
)
def test_it_stays_between_one_and_the_maximum(start: int, most: int, steps: list[tuple[str, float, int]]) -> None:
    """Whatever becomes of the calls; and it halves once for all calls that began before."""
    now = 0.0
    concurrency = Concurrency(start, most, 60.0, clock=lambda: now)
    calls: list[float] = []
    halved_at = -1.0
    for step, seconds, which in steps:
        while len(calls) < concurrency.allowed:
            calls.append(concurrency.begin())
        now += seconds
        began, before = calls.pop(which % len(calls)), concurrency.allowed
        if step == ANSWER:
            concurrency.on_answer(began)
            assert concurrency.allowed <= before + 1
        elif step == REFUSAL:
            concurrency.on_refusal(began, 429)
            assert concurrency.allowed in (before, max(1, before // 2))
            assert concurrency.allowed == before or began >= halved_at
            halved_at = now if concurrency.allowed < before else halved_at
        concurrency.end()
        assert 1 <= concurrency.allowed <= max(start, most)
    assert concurrency.used().most <= max(start, most)


@settings(max_examples=repetitions(20, 200))
@given(start=st.integers(1, 40), most=st.integers(1, 80), refusals=st.integers(1, 300))
def test_it_recovers_from_refusals(start: int, most: int, refusals: int) -> None:
    """However many there were."""
    left = refusals

    def endpoint(_: int) -> float | None:
        nonlocal left
        left -= 1
        return None if left >= 0 else 1.0

    simulation = Simulation(endpoint, start, most)
    simulation.run(refusals + (max(start, most) + 2) ** 2)
    assert simulation.concurrency.allowed == max(start, most)
