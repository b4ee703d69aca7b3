"""A CURVE client by hand (ZeroMQ RFC 26), which says of itself in its handshake what it likes.

    curve_liar.py tcp://HOST:PORT SERVER-PUBLIC OWN-PUBLIC OWN-SECRET [PROPERTY VALUE]...

Sends one message, "hello", and waits for the end of its input.
"""

import ctypes
import ctypes.util
import os
import socket
import struct
import sys

from zmq.utils import z85

sodium = ctypes.CDLL("libsodium.so.23")
sodium.sodium_init()
MAC = 16


def box(text, nonce, public, secret):
    out = ctypes.create_string_buffer(len(text) + MAC)
    assert len(nonce) == 24
    assert sodium.crypto_box_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, public, secret) == 0
    return out.raw


def unbox(cipher, nonce, public, secret):
    out = ctypes.create_string_buffer(len(cipher) - MAC)
    assert sodium.crypto_box_open_easy(out, cipher, ctypes.c_ulonglong(len(cipher)), nonce, public, secret) == 0
    return out.raw


def key_pair():
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    sodium.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def frame(flags, body):
    return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body if len(body) > 255 else bytes([flags, len(body)]) + body


def read_frame(stream):
    flags = stream.read(1)[0]
    length = struct.unpack(">Q", stream.read(8))[0] if flags & 2 else stream.read(1)[0]
    return stream.read(length)


def number(value):
    return struct.pack(">Q", value)


def run(address, server, public, secret, properties):
    host, port = address.removeprefix("tcp://").rsplit(":", 1)
    connection = socket.create_connection((host.strip("[]"), int(port)))
    stream = connection.makefile("rb")
    connection.sendall(b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32))
    stream.read(64)
    short_public, short_secret = key_pair()
    hello = box(bytes(64), b"CurveZMQHELLO---" + number(1), server, short_secret)
    connection.sendall(frame(4, b"\x05HELLO\x01\x00" + bytes(72) + short_public + number(1) + hello))
    welcome = read_frame(stream)
    assert welcome.startswith(b"\x07WELCOME"), welcome
    opened = unbox(welcome[24:], b"WELCOME-" + welcome[8:24], server, short_secret)
    short_server, cookie = opened[:32], opened[32:]
    vouch_nonce = os.urandom(16)
    vouch = box(short_public + server, b"VOUCH---" + vouch_nonce, short_server, secret)
    metadata = b"".join(
        bytes([len(name)]) + name + struct.pack(">I", len(value)) + value for name, value in properties)
    initiate = box(public + vouch_nonce + vouch + metadata, b"CurveZMQINITIATE" + number(2), short_server, short_secret)
    connection.sendall(frame(4, b"\x08INITIATE" + cookie + number(2) + initiate))
    ready = read_frame(stream)
    assert ready.startswith(b"\x05READY"), ready
    message = box(b"\x00hello", b"CurveZMQMESSAGEC" + number(3), short_server, short_secret)
    connection.sendall(frame(0, b"\x07MESSAGE" + number(3) + message))
    sys.stdin.read()


if __name__ == "__main__":
    place, *keys = sys.argv[1:5]
    said = [text.encode("ascii") for text in sys.argv[5:]]
    run(place, *(z85.decode(key) for key in keys), [(b"Socket-Type", b"DEALER"), *zip(said[::2], said[1::2])])
