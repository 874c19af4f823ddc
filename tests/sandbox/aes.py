"""AES-128 encryption in plain Python: one block (FIPS 197), and CBC with PKCS#7 padding.

Its timing tells about the key, so it must never protect anything real.
"""

BLOCK = 16
_ROUNDS = 10


def _doubled(value: int) -> int:
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _sbox() -> bytes:
    box = bytearray(256)
    box[0] = 0x63
    power = inverse = 1
    while True:
        # 3 generates every non-zero element; `inverse` is divided by 3 as `power` is multiplied by it.
        power ^= _doubled(power)
        for shift in (1, 2, 4):
            inverse ^= inverse << shift & 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        turned = [(inverse << n | inverse >> 8 - n) & 0xFF for n in range(5)]
        box[power] = turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63
        if power == 1:
            return bytes(box)


_SBOX = _sbox()
_DOUBLE = bytes(_doubled(value) for value in range(256))
_SHIFTED = tuple((at + 4 * (at % 4)) % BLOCK for at in range(BLOCK))


def cbc(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Pad and encrypt; the IV is not part of the result.

    :raises ValueError: when key or IV are not 16 bytes
    """
    if len(iv) != BLOCK:
        raise ValueError("The IV must be 16 bytes.")
    keys = _round_keys(key)
    missing = BLOCK - len(plaintext) % BLOCK
    padded = plaintext + bytes([missing]) * missing
    sealed = [iv]
    for at in range(0, len(padded), BLOCK):
        sealed.append(_block(keys, _xor(padded[at : at + BLOCK], sealed[-1])))
    return b"".join(sealed[1:])


def block(key: bytes, plaintext: bytes) -> bytes:
    """Encrypt one block of 16 bytes.

    :raises ValueError: when key or plaintext are not 16 bytes
    """
    if len(plaintext) != BLOCK:
        raise ValueError("A block is 16 bytes.")
    return _block(_round_keys(key), plaintext)


def _round_keys(key: bytes) -> list[bytes]:
    if len(key) != BLOCK:
        raise ValueError("The key must be 16 bytes.")
    words = [key[at : at + 4] for at in range(0, BLOCK, 4)]
    constant = 1
    while len(words) < 4 * (_ROUNDS + 1):
        word = words[-1]
        if len(words) % 4 == 0:
            word = bytes(_SBOX[value] for value in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _DOUBLE[constant]
        words.append(_xor(words[-4], word))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _block(keys: list[bytes], plaintext: bytes) -> bytes:
    state = _xor(plaintext, keys[0])
    for key in keys[1:-1]:
        state = _xor(_mixed(_moved(state)), key)
    return _xor(_moved(state), keys[-1])


def _moved(state: bytes) -> bytes:
    return bytes(_SBOX[state[at]] for at in _SHIFTED)


def _mixed(state: bytes) -> bytes:
    mixed = bytearray()
    for at in range(0, BLOCK, 4):
        column = state[at : at + 4]
        every = column[0] ^ column[1] ^ column[2] ^ column[3]
        mixed += bytes(column[n] ^ every ^ _DOUBLE[column[n] ^ column[(n + 1) % 4]] for n in range(4))
    return bytes(mixed)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
