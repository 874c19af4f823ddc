"""The encrypted field. It keeps no state of its own, decrypts on use only, and fails loudly."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from accounts import sealing

if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    _Text = models.TextField


class KeyOf(models.Func):
    """The id of the key that a column of seals was sealed with, "" where there is no seal.

    The numbers stand in the text and are no parameters: only so does SQLite see that an index is about the same.
    """

    function = "substr"
    template = f"%(function)s(%(expressions)s, {sealing.KEY_ID_AT}, {sealing.KEY_ID_LENGTH})"
    output_field = models.CharField()


class Sealed(str):
    """Ciphertext as it stands in the database; a plain `str` on an instance is not sealed yet."""

    __slots__ = ()


class _Secret(DeferredAttribute):
    """Opens on reading: loading a thousand rows decrypts nothing."""

    field: "SecretField"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        return sealing.unseal(value, self.field.place(instance)) if isinstance(value, Sealed) and value else value

    def __set__(self, instance: models.Model, value: str) -> None:
        # Having this makes reads come through __get__ instead of straight from the instance's dictionary.
        instance.__dict__[self.field.attname] = value


class SecretField(_Text):
    """A text that stands encrypted in the database, bound to its table, column and row.

    `bound_to` names the row's unchanging columns; they must be set before the row is saved. Ciphertext moved to
    another row does not open. A wrong key raises `sealing.SealBroken` instead of returning ciphertext.
    """

    descriptor_class = _Secret

    def __init__(self, *args: Any, bound_to: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.bound_to = bound_to
        defaults: dict[str, Any] = {"blank": True, "default": "", "editable": False}
        super().__init__(*args, **defaults | kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"bound_to": self.bound_to}

    def place(self, instance: models.Model) -> str:
        """Return what a seal of this row's column is bound to."""
        row = [str(getattr(instance, name)) for name in self.bound_to]
        return ":".join([instance._meta.db_table, self.column or self.attname, *row])

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> str:
        return Sealed(value or "")

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value: str = model_instance.__dict__[self.attname]
        if value and not isinstance(value, Sealed):
            value = Sealed(sealing.seal(value, self.place(model_instance)))
            model_instance.__dict__[self.attname] = value
        return value

    def get_prep_value(self, value: Any) -> Any:
        # Only pre_save knows the row, so an update() of the column cannot seal; it may only wipe.
        if value and not isinstance(value, Sealed):
            raise TypeError(f"{self.name} can only be set on an instance and saved, or wiped with ''")
        return super().get_prep_value(value)

    def value_from_object(self, obj: models.Model) -> Any:
        """Return ciphertext: this feeds forms and dumpdata, which must never see a secret."""
        self.pre_save(obj, add=False)
        return str(obj.__dict__[self.attname])
