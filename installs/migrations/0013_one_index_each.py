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
        ('installs', '0012_rare_visits'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                _without('installs_alertdelivery', 'alert_id', '2ecb6987'),
                _without('installs_installation', 'app_id', '0ea393ed'),
                _without('installs_installattempt', 'app_id', 'd33399f1'),
                _without('installs_savedview', 'owner_id', '0f674125'),
                _without_like('installs_connectstate_state_hash_1626b182'),
                _without_like('installs_installattempt_support_code_2bff926d'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='alertdelivery',
                    name='alert',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='installs.alert'),
                ),
                migrations.AlterField(
                    model_name='installation',
                    name='app',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='installations', to='installs.appregistration'),
                ),
                migrations.AlterField(
                    model_name='installattempt',
                    name='app',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='installs.appregistration'),
                ),
                migrations.AlterField(
                    model_name='savedview',
                    name='owner',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
