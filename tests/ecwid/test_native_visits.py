"""Who opens the native page: both modes are read, nothing damaged is, and no answer tells what was damaged."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import errors, native

SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"
LONG = (
    "AAECAwQFBgcICQoLDA0OD7dkRqV0PZKDY9J92Bi4A2P2bgAJXJ5FwKCKOaLOOVSNyVi1DPTTlWB3fcON-QsXKHEy-FE0jInwApEi09KzrN6Y"
    "At0VrIGQp4ugE8sBs6dWG_9p5eEcJsSwJrhT_lFlPL_8whbvbyqRjkaQuJcZY5IRhHO0olPvPbgzu9Mo2YBnGE1W-nlOc_YRTMbpQ57y0uWF"
    "JDBrmQs2z4bXslpesoEZnDqmgWVy3fSQayQMgaCW"
)
SHORT = "AAECAwQFBgcICQoLDA0OD7dkRqV0PZKDY9J92Bi4A2P2bgAJXJ5FwKCKOaLOOVSNyVi1DPTTlWB3fcON-QsXKK8Ti8ZdXqIXyCR40S1GD28="
HEX = (
    "7b2273746f72655f6964223a313030332c226c616e67223a22656e222c226163636573735f746f6b656e223a22"
    "7365637265745f54455354227d"
)
VISIT = native.Visit(1003, "en", "secret_TEST", "", "PAGE", "")
FIELDS = {"store_id": 1003, "lang": "en", "access_token": "secret_TEST"}


def seal(plain: bytes, key: str = SECRET[:16]) -> str:
    """What Ecwid does (contract §8.4)."""
    pad = PKCS7(128).padder()
    padded = pad.update(plain) + pad.finalize()
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(bytes(range(16)))).encryptor()
    return base64.urlsafe_b64encode(bytes(range(16)) + encryptor.update(padded) + encryptor.finalize()).decode()


def sealed(**changes: object) -> str:
    fields = {name: value for name, value in (FIELDS | changes).items() if value is not ...}
    return seal(json.dumps(fields).encode())


def flipped(payload: str, byte: int, bit: int = 0) -> str:
    raw = bytearray(base64.urlsafe_b64decode(payload))
    raw[byte] ^= 1 << bit
    return base64.urlsafe_b64encode(raw).decode()


def test_the_long_vector_opens() -> None:
    assert native.open_payload(LONG, SECRET) == native.Visit(
        store_id=1003,
        lang="en",
        secret_token="secret_TESTaaaabbbbccccddddeeeeffff0001",
        public_token="public_TESTaaaabbbbccccddddeeeeffff0001",
        view_mode="PAGE",
        app_state="",
    )


def test_the_short_vector_opens_padded_and_unpadded_and_in_either_alphabet() -> None:
    assert len(SHORT.rstrip("=")) == 107
    for spelling in (SHORT, SHORT.rstrip("="), SHORT.replace("-", "+").replace("_", "/")):
        assert native.open_payload(spelling, SECRET) == VISIT


def test_the_fragment_vector_opens_with_and_without_its_sign_and_in_either_case() -> None:
    for spelling in (HEX, f"#{HEX}", HEX.upper()):
        assert native.open_fragment(spelling) == VISIT


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"store_id": "1003"}, "store_id", 1003),
        ({"lang": "pt_BR"}, "lang", "pt_BR"),
        ({"lang": ...}, "lang", ""),
        ({"lang": "<script>"}, "lang", ""),
        ({"lang": 7}, "lang", ""),
        ({"view_mode": "INLINE"}, "view_mode", "INLINE"),
        ({"view_mode": "POPUP"}, "view_mode", "POPUP"),
        ({"view_mode": "FULL"}, "view_mode", "PAGE"),
        ({"view_mode": []}, "view_mode", "PAGE"),
        ({"app_state": "orderId%3A12"}, "app_state", "orderId%3A12"),
        ({"app_state": 7}, "app_state", ""),
        ({"public_token": "public_A"}, "public_token", "public_A"),
        ({"public_token": 7}, "public_token", ""),
    ],
    ids=str,
)
def test_a_visit_may_vary(changes: dict[str, object], field: str, value: object) -> None:
    assert getattr(native.open_payload(sealed(**changes), SECRET), field) == value


def test_an_api_host_named_by_a_payload_is_left_behind() -> None:
    assert native.open_payload(sealed(domain="evil.example"), SECRET) == VISIT


def test_secrets_show_in_no_repr() -> None:
    shown = repr(native.open_payload(LONG, SECRET)) + repr(native.open_payload(sealed(app_state="TEST"), SECRET))
    assert "TEST" not in shown
    assert "1003" in shown


BAD = {
    "nothing": "",
    "not base64": "!!!!",
    "a space for a plus": SHORT.replace("-", " "),
    "a line break": SHORT[:50] + "\n" + SHORT[50:],
    "letters of another script": "Ж" * 64,
    "padding in the middle": SHORT[:20] + "=" + SHORT[20:],
    "too much padding": SHORT + "==",
    "a length no base64 has": SHORT.rstrip("=") + "AA",
    "shorter than two blocks": base64.urlsafe_b64encode(bytes(31)).decode(),
    "the iv alone": base64.urlsafe_b64encode(bytes(16)).decode(),
    "not whole blocks": base64.urlsafe_b64encode(base64.urlsafe_b64decode(SHORT) + b"x").decode(),
    "a block missing": base64.urlsafe_b64encode(base64.urlsafe_b64decode(SHORT)[:-16]).decode(),
    "a byte flipped in the last block": flipped(SHORT, -1),
    "a bit flipped at the head of the iv": flipped(SHORT, 0),
    "far too long": "A" * 20_000,
    "not json": seal(b"hello"),
    "a list": seal(b"[]"),
    "not text": seal(b"\xff\xfe"),
    "brackets": seal(b"[" * 5000),
    "two stores": seal(b'{"store_id":1003,"store_id":1004,"access_token":"x"}'),
    "no store": sealed(store_id=...),
    "a true store": sealed(store_id=True),
    "store zero": sealed(store_id=0),
    "a store beyond 64 bits": sealed(store_id=2**63),
    "no token": sealed(access_token=...),
    "an empty token": sealed(access_token=""),
    "a token with a line break": sealed(access_token="secret\r\nX: y"),
    "a token of another type": sealed(access_token=7),
    "sealed with another secret": seal(json.dumps(FIELDS).encode(), "Zz7vT2mXw9LpZr4H"),
    "a fragment": HEX,
}


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD.keys())
def test_a_damaged_payload_is_forged_and_nothing_says_how(payload: str) -> None:
    with pytest.raises(errors.Forged) as caught:
        native.open_payload(payload, SECRET)
    assert str(caught.value) == str(errors.Forged())
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("secret", ["", "short", "Zz7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A", "é" * 16, "é" * 8, "\ud800" * 16])
def test_a_secret_that_is_not_the_right_one_opens_nothing(secret: str) -> None:
    with pytest.raises(errors.Forged):
        native.open_payload(SHORT, secret)


@pytest.mark.parametrize("secret", ["é" * 8 + "a" * 8, "é" * 16], ids=["24 bytes", "32 bytes"])
def test_no_other_aes_than_that_of_the_contract_opens_anything(secret: str) -> None:
    payload = seal(json.dumps(FIELDS).encode(), secret)
    with pytest.raises(errors.Forged):
        native.open_payload(payload, secret)


def visit_of(size: int) -> bytes:
    """The JSON of a visit, so many bytes long."""
    head = json.dumps(FIELDS | {"app_state": ""}).encode()[:-2]
    return head + b"x" * (size - len(head) - 2) + b'"}'


def test_a_payload_is_as_long_as_may_be_and_no_longer() -> None:
    most = native.PAYLOAD_MAX * 3 // 4 - 16 - 1  # less the IV and the smallest padding
    assert len(seal(visit_of(most))) == native.PAYLOAD_MAX
    assert native.open_payload(seal(visit_of(most)), SECRET).store_id == 1003
    with pytest.raises(errors.Forged):
        native.open_payload(seal(visit_of(most + 1)), SECRET)


def test_a_fragment_is_as_long_as_may_be_and_no_longer() -> None:
    assert native.open_fragment(visit_of(native.PAYLOAD_MAX).hex()).store_id == 1003
    with pytest.raises(errors.Forged):
        native.open_fragment(visit_of(native.PAYLOAD_MAX + 1).hex())


def test_only_the_first_sixteen_characters_of_the_secret_count() -> None:
    assert native.open_payload(SHORT, SECRET[:16]) == VISIT


def test_a_flipped_bit_of_the_iv_can_change_the_store_which_is_why_a_visit_is_a_claim() -> None:
    """No check in here can see it; the token tells (contract §8.3)."""
    plain = b'{"store_id":1003,"lang":"en","access_token":"secret_TEST"}'
    payload = seal(plain)
    assert native.open_payload(flipped(payload, plain.index(b"3,"), 1), SECRET).store_id == 1001


@given(st.integers(0, 8 * 80 - 1))
def test_no_flipped_bit_raises_anything_but_forged(position: int) -> None:
    try:
        visit = native.open_payload(flipped(SHORT, position // 8, position % 8), SECRET)
    except errors.Forged:
        return
    assert 0 < visit.store_id < 2**63
    assert visit.secret_token


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_payload_whatever_opens(payload: str) -> None:
    with pytest.raises(errors.Forged):
        native.open_payload(payload, SECRET)


@pytest.mark.parametrize(
    "fragment",
    [
        "",
        "#",
        HEX[:-1],
        HEX + "zz",
        f"##{HEX}",
        f" {HEX}",
        HEX[:10] + " " + HEX[10:],
        "٣٣",
        "7b7d",
        "5b5d",
        "ff",
        "22" * 20_000,
        "5b" * 16_000,
    ],
)
def test_a_damaged_fragment_is_forged_and_nothing_says_how(fragment: str) -> None:
    with pytest.raises(errors.Forged) as caught:
        native.open_fragment(fragment)
    assert caught.value.__context__ is None


@given(st.binary(max_size=200))
def test_no_fragment_whatever_opens(raw: bytes) -> None:
    with pytest.raises(errors.Forged):
        native.open_fragment(raw.hex())
