"""A build slave of few words: speaks the slave and file queues with pyzmq and cbor2, as Python fleets do.

    slave.py SLAVE_QUEUE FILE_QUEUE WHEEL [--fields 10] [--fail] [--corrupt N] [--curve=SERVER,PUBLIC,SECRET]

Says HELLO, then IDLE until it has something to build, BUSY, BUILT with the ready-made WHEEL, sends it as often as it is
asked for, SENT, IDLE once more and BYE. Every reply is printed as one line of JSON. With --fail the build fails; with
--corrupt the first N transfers carry a wrong byte. With --curve it connects with keys: the master's public one, and its own.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone

import cbor2
import zmq

REPLY_TIMEOUT = 30_000  # milliseconds
HELLO_INTERVAL = 5_000  # milliseconds


def encode_other(encoder, value):
    """Durations are tag 2001 around days, seconds and microseconds."""
    if isinstance(value, timedelta):
        encoder.encode(cbor2.CBORTag(2001, [value.days, value.seconds, value.microseconds]))
    else:
        raise TypeError(f"cannot encode {value!r}")


class Slave:
    def __init__(self, options):
        self.options = options
        self.context = zmq.Context()
        self.queue = self.socket(zmq.REQ)
        self.queue.rcvtimeo = REPLY_TIMEOUT
        self.queue.connect(options.slave_queue)
        self.transfers = 0
        with open(options.wheel, "rb") as wheel:
            self.wheel = wheel.read()

    def socket(self, type):
        socket = self.context.socket(type)
        socket.ipv6 = True
        if self.options.curve:
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = (
                key.encode("ascii") for key in self.options.curve.split(","))
        return socket

    def say(self, name, *data):
        message = [name, data[0]] if data else name
        self.queue.send(cbor2.dumps(message, default=encode_other, timezone=timezone.utc))

    def ask(self, name, *data):
        self.say(name, *data)
        reply = cbor2.loads(self.queue.recv())
        reply = [reply, None] if isinstance(reply, str) else reply
        print(json.dumps(reply), flush=True)
        return reply

    def expect(self, wanted, reply):
        if reply[0] != wanted:
            sys.exit(f"{wanted} was due instead of {reply}")
        return reply[1]

    def stats(self):
        disk, memory = 32_000_000_000, 8_000_000_000
        return [datetime.now(timezone.utc), disk, disk // 2, memory, memory // 2, 0, 0, 1.0, 48.5]

    def file_state(self):
        filename = os.path.basename(self.options.wheel)
        tags = filename[: -len(".whl")].split("-")
        digest = hashlib.sha256(self.wheel).hexdigest()
        state = [filename, len(self.wheel), digest, tags[0], tags[1], tags[-3], tags[-2], tags[-1], ">=3.9",
                 {"apt": ["libc6"], "pip": [], "": []}, "/simple"]
        return state[: self.options.fields]

    def send_file(self, slave_id):
        self.transfers += 1
        content = self.wheel
        if self.transfers <= self.options.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        queue = self.socket(zmq.DEALER)
        queue.connect(self.options.file_queue)
        try:
            while True:
                queue.send_multipart([b"HELLO", str(slave_id).encode("ascii")])
                while queue.poll(HELLO_INTERVAL):
                    message, *data = queue.recv_multipart()
                    if message == b"DONE":
                        return
                    offset, length = (int(number) for number in data)
                    queue.send_multipart([b"CHUNK", str(offset).encode("ascii"), content[offset:offset + length]])
        finally:
            queue.close(linger=1000)

    def run(self):
        slave_id, _ = self.expect("ACK", self.ask("HELLO", [
            timedelta(hours=3), timedelta(minutes=5), "311", "cp311", "linux_armv7l", "peer", "Raspbian GNU/Linux",
            "12 (bookworm)", "c03111", "10000000d1ce5a7e"]))
        reply = self.ask("IDLE", self.stats())
        while reply[0] == "SLEEP":
            time.sleep(0.05)
            reply = self.ask("IDLE", self.stats())
        self.expect("BUILD", reply)
        self.expect("CONT", self.ask("BUSY", self.stats()))
        if self.options.fail:
            reply = self.ask("BUILT", [False, timedelta(seconds=7), "error: gcc failed\n", []])
        else:
            log = "Successfully built ünïcode\n"
            reply = self.ask("BUILT", [True, timedelta(seconds=93.25), log, [self.file_state()]])
        while reply[0] == "SEND":
            self.send_file(slave_id)
            reply = self.ask("SENT")
        self.expect("DONE", reply)
        self.expect("SLEEP", self.ask("IDLE", self.stats()))
        self.say("BYE")
        self.queue.close(linger=1000)
        self.context.term()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("slave_queue")
    parser.add_argument("file_queue")
    parser.add_argument("wheel")
    parser.add_argument("--fields", type=int, default=11)
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--corrupt", type=int, default=0)
    parser.add_argument("--curve")
    Slave(parser.parse_args()).run()
