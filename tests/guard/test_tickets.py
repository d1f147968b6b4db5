"""A ticket is good once, for ten minutes, for one server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dqkit.guard import Tickets, new_key, new_ticket


def test_keys_and_tickets_differ_and_hold_nothing_that_an_address_would_change() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(len(key) for key in keys) >= 43  # 256 bits, 6 in a letter
    tickets = {new_ticket("k", now=0.0) for _ in range(100)}
    assert len(tickets) == 100
    assert all(
        set(ticket) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") for ticket in tickets
    )


def test_a_ticket_is_good_once_and_until_its_time() -> None:
    tickets = Tickets("k")
    ticket = new_ticket("k", now=1000.0)
    assert tickets.redeem(ticket, now=1599.0)
    assert not tickets.redeem(ticket, now=1599.0)
    assert not tickets.redeem(new_ticket("k", now=1000.0), now=1601.0)
    assert not tickets.redeem(ticket, now=1601.0)  # forgotten by then, but too late


def test_a_ticket_of_another_key_or_with_another_time_is_refused() -> None:
    tickets = Tickets("k")
    nonce, until, signature = new_ticket("k", now=1000.0).split(".")
    assert not tickets.redeem(new_ticket("other", now=1000.0), now=1000.0)
    assert not tickets.redeem(f"{nonce}.{int(until) + 9000}.{signature}", now=1000.0)
    assert not tickets.redeem(f"{nonce}x.{until}.{signature}", now=1000.0)
    assert tickets.redeem(f"{nonce}.{until}.{signature}", now=1000.0)


def test_of_many_that_come_at_once_with_one_ticket_one_enters() -> None:
    tickets, ticket = Tickets("k"), new_ticket("k")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tickets.redeem, [ticket] * 200)) == 1
