"""What is no key, and what is an attack on a hash table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from limpet.codec.keys import check_collisions, is_nan
from limpet.errors import DecodeError
from limpet.limits import Limits

ONE_HASH = [number * ((1 << 61) - 1) for number in range(66)]


@pytest.mark.parametrize(
    "value", [float("nan"), complex("nan"), complex(0, float("nan")), Decimal("NaN"), Decimal("sNaN"), Decimal("-NaN7")]
)
def test_nan_is_nan_in_every_type(value: object) -> None:
    assert is_nan(value)


@pytest.mark.parametrize(
    "value", [1.5, float("inf"), 1j, Decimal(1), Decimal("Infinity"), 1, "nan", None, (float("nan"),)]
)
def test_all_else_is_not(value: object) -> None:
    assert not is_nan(value)


def test_as_many_keys_as_the_limit_may_share_a_hash() -> None:
    check_collisions(ONE_HASH[:65], Limits())
    check_collisions(ONE_HASH[:65] + [str(number) for number in range(1000)], Limits())
    with pytest.raises(DecodeError, match="more than 64 keys"):
        check_collisions(ONE_HASH, Limits())
    with pytest.raises(DecodeError, match="more than 64 keys"):
        check_collisions(ONE_HASH + [str(number) for number in range(1000)], Limits())


def test_few_keys_are_not_hashed() -> None:
    check_collisions([[]] * 64, Limits())
