"""Configuration: every variable is explained, the vital ones are demanded, and production values raise no warning."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import environment

ROOT = Path(__file__).resolve().parent.parent
KEY = "Zr8k-Wd3vQm6_Tq1xLb9-Hs4nYc7pJf2gRa5eUo0tXi8wKz3yBv6"
PRODUCTION = {
    "SECRET_KEY": KEY,
    "TOKEN_KEYS": KEY[::-1],
    "SITE_URL": "https://hub.example.com",
    "ALLOWED_HOSTS": "hub.example.com",
    "EMAIL_URL": "smtp+tls://hub:password@mail.example.com:587",
}


def variables_read() -> set[str]:
    """Return the names that the settings ask the environment for: `env.str("NAME")`, `_keys("NAME")`."""
    tree = ast.parse((ROOT / "ecwidhub" / "settings.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    calls = [call for call in calls if re.match(r"env\.|_\w+$", ast.unparse(call.func))]
    names = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return {name for name in names if isinstance(name, str) and re.fullmatch(r"[A-Z][A-Z_]+", name)}


def example() -> list[tuple[str, str]]:
    """Return each variable of the example with the line above it."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = ((re.fullmatch(r"#?([A-Z_]+)=.*", line), above) for above, line in zip(["", *lines], lines, strict=False))
    return [(match[1], above) for match, above in named if match]


def start(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a folder of their own, with these variables and nobody's `.env`; print some of them."""
    shutil.copytree(ROOT / "ecwidhub", folder / "ecwidhub", ignore=shutil.ignore_patterns("__pycache__"))
    clean = {name: value for name, value in os.environ.items() if name not in environment.VARIABLES}
    code = "from ecwidhub import settings as s; print(s.LOG_LEVEL, s.SITE_URL, s.DEBUG)"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=clean | variables, capture_output=True, text=True, check=False)


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a management command with other variables than those of the tests."""
    command = [sys.executable, "manage.py", *arguments]
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    changed = inherited | variables  # less what the browser of other tests needs
    return subprocess.run(command, cwd=ROOT, env=changed, capture_output=True, text=True, check=False)


def test_the_example_names_the_variables_that_the_settings_read_and_no_others() -> None:
    names = [name for name, _ in example()]

    assert set(names) == variables_read()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "above"), example())
def test_each_variable_of_the_example_has_a_line_on_what_it_does(name: str, above: str) -> None:
    assert re.fullmatch(r"# .{20,}\.", above), name


def test_the_readme_lists_the_variables_that_the_settings_read() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)

    assert set(rows) == variables_read()


def test_a_test_run_sets_every_variable_so_that_nobodys_env_file_leaks_in() -> None:
    assert set(environment.VARIABLES) == variables_read()


def test_the_example_starts_once_its_keys_are_filled_in(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    (tmp_path / ".env").write_text(re.sub(r"(?m)^(SECRET_KEY|TOKEN_KEYS)=$", rf"\1={KEY}", text), "utf-8")

    assert start(tmp_path).stdout == "INFO http://localhost:8000 False\n"


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"SECRET_KEY={KEY}\nTOKEN_KEYS={KEY}\nLOG_LEVEL=error\nSITE_URL=http://file\n", "utf-8"
    )

    assert start(tmp_path, SITE_URL="http://environment").stdout == "ERROR http://environment False\n"


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    """Compose files and forms of hosting platforms hand variables over that nobody filled in."""
    empty = dict.fromkeys(environment.VARIABLES, "") | {"SECRET_KEY": KEY, "TOKEN_KEYS": KEY}
    done = start(tmp_path, **empty)

    assert done.stdout == "INFO http://localhost:8000 False\n", done.stderr


def test_a_variable_may_stand_in_a_file_which_wins_and_may_end_with_a_new_line(tmp_path: Path) -> None:
    for name in ("SECRET_KEY", "TOKEN_KEYS"):
        (tmp_path / name).write_text(f"{KEY}\n", "utf-8")
    (tmp_path / "site").write_text("http://file/\n", "utf-8")
    files = {f"{name}_FILE": str(tmp_path / name) for name in ("SECRET_KEY", "TOKEN_KEYS")}
    done = start(tmp_path, **files, SECRET_KEY="", SITE_URL_FILE=str(tmp_path / "site"), SITE_URL="http://variable")

    assert done.stdout == "INFO http://file False\n", done.stderr


def test_an_env_file_may_name_a_secrets_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY, "utf-8")
    (tmp_path / ".env").write_text(f"SECRET_KEY_FILE={tmp_path}/key\nTOKEN_KEYS_FILE={tmp_path}/key\n", "utf-8")

    assert start(tmp_path).returncode == 0


def test_start_fails_naming_the_file_variable_that_leads_nowhere_and_telling_no_secret(tmp_path: Path) -> None:
    done = start(tmp_path, SECRET_KEY=KEY, TOKEN_KEYS=KEY, DATABASE_URL_FILE=str(tmp_path / "gone"))

    assert done.stderr.splitlines()[-1].endswith(
        "ImproperlyConfigured: DATABASE_URL_FILE names a file that cannot be read: No such file or directory"
    )
    assert KEY not in done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "TOKEN_KEYS"])
@pytest.mark.parametrize("value", [None, ""])
def test_start_fails_naming_the_key_that_is_missing(tmp_path: Path, name: str, value: str | None) -> None:
    given = {"SECRET_KEY": KEY, "TOKEN_KEYS": KEY, name: value}
    done = start(tmp_path, **{key: text for key, text in given.items() if text is not None})

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name} must be set" in done.stderr


@pytest.mark.parametrize("keys", ["short", f"{KEY},short"])
def test_start_refuses_a_token_key_that_somebody_could_guess(tmp_path: Path, keys: str) -> None:
    done = start(tmp_path, SECRET_KEY=KEY, TOKEN_KEYS=keys)

    assert "TOKEN_KEYS" in done.stderr.splitlines()[-1]
    assert "short" not in done.stderr


def test_the_deployment_check_finds_nothing_in_production_values() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"SITE_URL": "http://hub.example.com"}, "security.W004"),
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"DEBUG": "on"}, "security.W018"),
    ],
)
def test_the_deployment_check_finds_what_is_unsafe(change: dict[str, str], finding: str) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | change)

    assert done.returncode != 0
    assert finding in done.stderr


def test_the_models_need_no_migration_that_is_not_there() -> None:
    done = manage("makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout


def test_a_database_is_not_waited_for_without_end_unless_a_migration_asks_for_it() -> None:
    told = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS'])"
    database = {"DATABASE_URL": "postgres://hub@127.0.0.1:9/hub?application_name=hub"}
    usual = ast.literal_eval(manage("shell", "-v", "0", "-c", told, **database).stdout)
    migrating = ast.literal_eval(manage("shell", "-v", "0", "-c", told, STATEMENT_TIMEOUT="0", **database).stdout)

    assert (usual["connect_timeout"], usual["tcp_user_timeout"], usual["application_name"]) == (3, 10_000, "hub")
    assert "-c statement_timeout=10000 -c lock_timeout=5000" in usual["options"]
    assert "-c statement_timeout=0 -c lock_timeout=5000" in migrating["options"]
