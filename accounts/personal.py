"""Which of our values are personal, so that an export and an erasure miss none. A test keeps it complete."""

from accounts.models import Passkey, StoreSettings, User

# Model → its personal columns, and what each is once erased.
PERSONAL: dict[type[StoreSettings] | type[User] | type[Passkey], dict[str, object]] = {
    StoreSettings: {
        "owner_name": "",
        "contact_email": "",
        "company_name": "",
        "company_email": "",
        "street": "",
        "city": "",
        "state_code": "",
        "postal_code": "",
        "phone": "",
        "store_name": "",
        "storefront_url": "",
        "logo_url": "",
        "brand_name": "",
        "origins": {},
    },
    # When an address was proven says nothing by itself, but must not outlive the address: the next one is unproven.
    User: {"name": "", "email": "", "email_proven_at": None, "language": ""},
    Passkey: {"name": "", "credential_id": "", "public_key": b""},  # erased by removing the row
}

# Looked at and found to say nothing about a person.
IMPERSONAL = {
    StoreSettings: {
        "store", "country_code", "currency", "currency_prefix", "currency_suffix", "currency_precision",
        "currency_group_separator", "currency_decimal_separator", "prices_include_tax", "weight_unit",
        "dimensions_unit", "volume_unit", "date_format", "time_format", "timezone", "languages", "default_language",
        "website_platform", "closed", "suspended", "plan_features", "white_label", "filled_at",
    },
    User: {"id", "password", "last_login", "is_superuser", "username", "is_staff", "is_active", "date_joined"},
    Passkey: {"id", "person", "sign_count", "created_at", "used_at"},
}  # fmt: skip
