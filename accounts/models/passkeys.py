"""Passkeys: keys in people's devices that sign them in without a mail."""

from django.db import models

from accounts.models.people import User


class Passkey(models.Model):
    """One device, or one keychain that several share. What we hold opens nothing: the private half never leaves it."""

    person = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    credential_id = models.CharField(max_length=1400, unique=True, help_text="As the device names it, base64url.")
    public_key = models.BinaryField()
    sign_count = models.PositiveBigIntegerField(default=0)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Passkey of person {self.person_id}"
