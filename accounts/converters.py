"""What may stand in an address."""

from django.urls import register_converter

_LARGEST = 2**63 - 1  # what a database keeps; Ecwid's store numbers end there, too


class NumberConverter:
    """A store's number or a row's: 1 to 2**63 - 1 without leading zeros, so one spelling each; else a 404."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        if int(value) > _LARGEST:
            raise ValueError("too large")
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(NumberConverter, "number")

STORE = "stores/<number:store_id>/"
