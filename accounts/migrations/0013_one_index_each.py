"""Drop the index of a column that another index begins with: it served no query, and cost every write.

By name, because altering the field would have PostgreSQL check the foreign key of every row again, under a lock.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _without(table: str, column: str, digest: str) -> migrations.RunSQL:
    name = f'{table}_{column}_{digest}'
    return migrations.RunSQL(f'DROP INDEX IF EXISTS "{name}"', f'CREATE INDEX "{name}" ON "{table}" ("{column}")')


def _without_like(name: str) -> migrations.RunSQL:
    # Beside a unique text PostgreSQL is given a second index, for LIKE 'a%', which nothing here asks. Its way back is
    # empty: SQLite never had one, and no version reads by it.
    return migrations.RunSQL(f'DROP INDEX IF EXISTS "{name}_like"', migrations.RunSQL.noop)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_staff'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                _without('accounts_authenticator', 'user_id', '2f362b65'),
                _without('accounts_membership', 'user_id', '487fb39e'),
                _without('accounts_proof', 'person_id', '810f9b1e'),
                _without('accounts_recoverycode', 'user_id', '994761d3'),
                _without_like('accounts_user_username_6088629e'),
                _without_like('accounts_session_session_key_b186966f'),
                _without_like('accounts_bucket_key_b9932762'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='authenticator',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='membership',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='proof',
                    name='person',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='proofs', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='recoverycode',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
