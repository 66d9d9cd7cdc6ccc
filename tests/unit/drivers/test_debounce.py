"""A bouncing contact: late to rise, quick to fall, and honest about what it saw."""

import itertools
import random

import pytest

from firmware.drivers.debounce import FELL, LOST, ROSE, TOUCHED, Debounce


def feed_all(contact: Debounce, samples: list[tuple[int, bool]]) -> list[tuple[int, str]]:
    edges: list[tuple[int, str]] = []
    for now_ms, raw in samples:
        edge = contact.feed(raw, now_ms)
        if edge is not None:
            edges.append((now_ms, edge))
    return edges


def steady(raw: bool, start_ms: int, end_ms: int, every_ms: int = 5) -> list[tuple[int, bool]]:
    return [(now_ms, raw) for now_ms in range(start_ms, end_ms, every_ms)]


@pytest.mark.req("DOCK-01")
def test_a_clean_rise_is_believed_after_50_ms_of_rest():
    contact = Debounce()
    edges = feed_all(contact, steady(False, 0, 100) + steady(True, 100, 200))
    assert edges == [(100, TOUCHED), (150, ROSE)]
    assert (contact.settle_ms, contact.bounces) == (0, 0)


@pytest.mark.req("DOCK-01")
def test_bounces_are_counted_and_start_the_rest_anew():
    contact = Debounce()
    bouncing = [(0, True), (5, False), (10, True), (15, False), (20, True)]
    edges = feed_all(contact, bouncing + steady(True, 25, 100))
    assert edges == [(0, TOUCHED), (70, ROSE)]
    assert (contact.settle_ms, contact.bounces) == (20, 2)


def test_slow_sampling_still_needs_five_equal_samples():
    contact = Debounce()
    assert feed_all(contact, steady(True, 0, 200, 40)) == [(0, TOUCHED), (160, ROSE)]


@pytest.mark.req("DOCK-01")
def test_one_open_sample_is_noise_two_are_a_removal():
    contact = Debounce()
    feed_all(contact, steady(True, 0, 100))
    assert contact.feed(False, 100) is None
    assert contact.wavers()
    assert contact.feed(True, 102) is None
    assert not contact.wavers()
    assert contact.feed(False, 104) is None
    assert contact.feed(False, 106) == FELL
    assert not contact.level


def test_a_touch_that_never_rests_is_lost():
    contact = Debounce()
    edges = feed_all(contact, [(0, True), *steady(False, 5, 100)])
    assert edges == [(0, TOUCHED), (55, LOST)]
    assert not contact.settling


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_noise_rises_and_falls_alternate(seed: int):
    source = random.Random(seed)
    contact = Debounce()
    samples = [(now_ms, source.random() < 0.93) for now_ms in range(0, 20_000, 5)]
    words = [word for _, word in feed_all(contact, samples)]
    followers = {TOUCHED: {ROSE, LOST}, ROSE: {FELL}, FELL: {TOUCHED}, LOST: {TOUCHED}}
    assert all(after in followers[before] for before, after in itertools.pairwise(words)), f"seed {seed}: {words}"
