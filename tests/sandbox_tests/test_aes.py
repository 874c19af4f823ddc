"""The cipher of the native payload, against the published vectors and the contract's own."""

import pytest

from tests.sandbox import aes, native

SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"
IV = bytes(range(16))


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("key", "plain", "cipher"),
    [  # FIPS 197, appendix B and C.1; NIST SP 800-38A, F.1.1
        ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
        ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
        ("2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"),
    ],
)
def test_one_block_is_that_of_the_standard(key: str, plain: str, cipher: str) -> None:
    assert aes.block(hexed(key), hexed(plain)) == hexed(cipher)


def test_chained_blocks_are_those_of_the_standard() -> None:
    """NIST SP 800-38A, F.2.1; the padding adds one block."""
    key = hexed("2b7e151628aed2a6abf7158809cf4f3c")
    plain = hexed("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")

    sealed = aes.cbc(key, IV, plain)

    assert sealed[:32] == hexed("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
    assert len(sealed) == 48


@pytest.mark.parametrize(("length", "sealed"), [(0, 16), (1, 16), (15, 16), (16, 32), (17, 32)])
def test_padding_always_adds_something(length: int, sealed: int) -> None:
    assert len(aes.cbc(bytes(16), IV, bytes(length))) == sealed


@pytest.mark.parametrize(("key", "iv"), [(15, 16), (17, 16), (32, 16), (16, 15), (16, 0)])
def test_other_sizes_are_refused(key: int, iv: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        aes.cbc(bytes(key), bytes(iv), b"x")
    with pytest.raises(ValueError, match="16 bytes"):
        aes.block(bytes(16), b"x")


@pytest.mark.parametrize(
    ("plaintext", "payload"),
    [
        (
            '{"store_id":1003,"lang":"en","access_token":"secret_TESTaaaabbbbccccddddeeeeffff0001",'
            '"view_mode":"PAGE","public_token":"public_TESTaaaabbbbccccddddeeeeffff0001"}',
            "AAECAwQFBgcICQoLDA0OD7dkRqV0PZKDY9J92Bi4A2P2bgAJXJ5FwKCKOaLOOVSNyVi1DPTTlWB3fcON-QsXKHEy-FE0jInwApEi09Kz"
            "rN6YAt0VrIGQp4ugE8sBs6dWG_9p5eEcJsSwJrhT_lFlPL_8whbvbyqRjkaQuJcZY5IRhHO0olPvPbgzu9Mo2YBnGE1W-nlOc_YRTMbp"
            "Q57y0uWFJDBrmQs2z4bXslpesoEZnDqmgWVy3fSQayQMgaCW",
        ),
        (
            '{"store_id":1003,"lang":"en","access_token":"secret_TEST"}',
            "AAECAwQFBgcICQoLDA0OD7dkRqV0PZKDY9J92Bi4A2P2bgAJXJ5FwKCKOaLOOVSNyVi1DPTTlWB3fcON-QsXKK8Ti8ZdXqIXyCR40S1G"
            "D28=",
        ),
    ],
)
def test_sealing_gives_the_vectors_of_the_contract(plaintext: str, payload: str) -> None:
    assert native.seal(SECRET, plaintext.encode(), IV) == payload


def test_every_sealing_has_an_iv_of_its_own() -> None:
    assert native.seal(SECRET, b"{}") != native.seal(SECRET, b"{}")


def test_a_secret_that_is_too_short_makes_no_key() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        native.seal("short", b"{}")
