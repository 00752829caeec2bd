"""Examples of https://trino.io/docs/current/functions/binary.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/binary.html"
EXAMPLES: Examples = [
    ("X'01' || X'02'", "01 02"),
    ("concat(X'01', X'02', X'03')", "01 02 03"),
    ("length(X'0102')", "2"),
    ("lpad(X'01', 3, X'0A0B')", "0a 0b 01"),
    ("rpad(X'01', 3, X'0A0B')", "01 0a 0b"),
    ("substr(X'010203', 2)", "02 03"),
    ("substr(X'010203', -2, 1)", "02"),
    ("reverse(X'010203')", "03 02 01"),
    ("from_base64('aGVsbG8=')", "68 65 6c 6c 6f"),
    ("to_base64(to_utf8('hello'))", "aGVsbG8="),
    ("to_base64url(X'FBFF')", "-_8="),
    ("from_base64url('-_8=')", "fb ff"),
    ("to_base32(to_utf8('hello'))", "NBSWY3DP"),
    ("from_base32('NBSWY3DP')", "68 65 6c 6c 6f"),
    ("from_hex('0aFF')", "0a ff"),
    ("to_hex(X'0aff')", "0AFF"),
    ("from_big_endian_32(X'00000100')", "256"),
    ("to_big_endian_32(256)", "00 00 01 00"),
    ("from_big_endian_64(X'FFFFFFFFFFFFFFFF')", "-1"),
    ("to_big_endian_64(256)", "00 00 00 00 00 00 01 00"),
    ("to_ieee754_64(1e0)", "3f f0 00 00 00 00 00 00"),
    ("crc32(to_utf8('hello'))", "907060870"),
    ("to_hex(md5(to_utf8('hello')))", "5D41402ABC4B2A76B9719D911017C592"),
    ("to_hex(sha1(to_utf8('hello')))", "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"),
    (
        "to_hex(sha256(to_utf8('hello')))",
        "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
    ),
    ("murmur3(from_base64('aaaaaa'))", "ba 58 55 63 55 69 b4 2f 49 20 37 2c a0 e3 96 ef"),
]
