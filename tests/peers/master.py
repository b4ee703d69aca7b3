"""A master for one slave, by a script: drives a slave over real queues, and prints what it sees, a line of JSON each.

    /usr/bin/python3 master.py '{"index": "file:///...", "builds": [["tiny", "1.0"]]}'

The first line names the addresses bound. A line of JSON on standard input changes options from then on. Options, all
but index with a default:
    builds      what to hand out, in order                           []
    then        the answer to IDLE when nothing is left: DIE or SLEEP   DIE
    at_busy     the answer to BUSY: CONT or DONE                     CONT
    silent_at   never answer this address again from this request on: IDLE, BUSY, BUILT, SENT, or FETCH
    chunk       bytes of a FETCH                                     65536
    twice       ask for each file twice                              false
    curve       the secret key to take slaves by CURVE with, whoever they are   none
    reply       answers in place of the right ones, by request: {"IDLE": ["SEND", "x"]}
"""

import hashlib
import json
import sys

import cbor2
import zmq

PIPELINE = 10


def main(options):
    context = zmq.Context()
    slaves, files = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    for socket in (slaves, files):
        socket.setsockopt(zmq.LINGER, 1000)
        if "curve" in options:
            socket.curve_server = True
            socket.curve_secretkey = options["curve"].encode("ascii")
        socket.bind("tcp://127.0.0.1:*")
    tell(slave_queue=slaves.getsockopt_string(zmq.LAST_ENDPOINT), file_queue=files.getsockopt_string(zmq.LAST_ENDPOINT))
    master = Master(options)
    poller = zmq.Poller()
    poller.register(slaves, zmq.POLLIN)
    poller.register(files, zmq.POLLIN)
    poller.register(sys.stdin, zmq.POLLIN)
    while not master.ended:
        ready = dict(poller.poll(60_000))
        if not ready:
            tell(error="nothing was said for a minute")
            return 1
        if sys.stdin.fileno() in ready:
            line = sys.stdin.readline()
            if line:
                options.update(json.loads(line))
            else:
                poller.unregister(sys.stdin)
        if slaves in ready:
            address, empty, payload = slaves.recv_multipart()
            reply = master.answer(address, cbor2.loads(payload, tag_hook=read_tag))
            if reply is not None:
                slaves.send_multipart([address, empty, cbor2.dumps(reply)])
        if files in ready:
            address, *frames = files.recv_multipart()
            for reply in master.transfer(frames):
                files.send_multipart([address, *reply])
    slaves.close()
    files.close()
    context.term()
    return 0


class Master:
    def __init__(self, options):
        self.options = options
        self.builds = list(options.get("builds", []))
        self.ignored = set()
        self.slaves = 0
        self.states = []  # Of the files still to come; the first is the one asked for
        self.repeated = False
        self.ended = False
        self.expect(0)

    def answer(self, address, message):
        name, data = (message, None) if isinstance(message, str) else message
        tell(said=name, data=data)
        if name == "BYE":
            self.ended = True
            return None
        if self.options.get("silent_at") == name:
            self.options["silent_at"] = None
            self.ignored.add(address)
        if address in self.ignored:
            return None
        reply = self.options.get("reply", {}).pop(name, None) or getattr(self, "do_" + name.lower())(data)
        tell(answered=reply)
        return reply

    def do_hello(self, data):
        self.slaves += 1
        return ["ACK", [self.slaves, self.options["index"]]]

    def do_idle(self, data):
        if self.builds:
            return ["BUILD", self.builds.pop(0)]
        return "DIE" if self.options.get("then", "DIE") == "DIE" else ["SLEEP", False]

    def do_busy(self, data):
        return self.options.get("at_busy", "CONT")

    def do_built(self, data):
        self.states = sorted(data[3], key=lambda state: state[0])
        return self.next_file()

    def do_sent(self, data):
        state = self.states[0]
        sound = self.missing == 0 and hashlib.sha256(self.content).hexdigest() == state[2]
        tell(file=state[0], size=len(self.content), sound=sound, fetches=self.fetches, hellos=self.hellos)
        if self.options.get("twice") and not self.repeated:
            self.repeated = True
        else:
            self.repeated = False
            self.states.pop(0)
        return self.next_file()

    def next_file(self):
        if not self.states:
            return "DONE"
        self.expect(self.states[0][1])
        return ["SEND", self.states[0][0]]

    def expect(self, size):
        self.content = bytearray(size)
        self.missing = size
        self.asked = {}  # Ranges under way: length by offset
        self.at = 0
        self.fetches = self.hellos = 0

    def transfer(self, frames):
        if frames[0] == b"HELLO":
            self.hellos += 1
            if int(frames[1]) != self.slaves:
                tell(error=f"a file from slave {frames[1]}")
            self.at = min([self.at, *self.asked])
            self.asked.clear()
        elif frames[0] == b"CHUNK":
            offset, data = int(frames[1]), frames[2]
            if self.asked.pop(offset, None) != len(data):
                tell(error=f"{len(data)} bytes at {offset} were not asked for")
                return
            self.content[offset:offset + len(data)] = data
            self.missing -= len(data)
        if self.options.get("silent_at") == "FETCH":
            return
        if self.missing == 0:
            yield [b"DONE"]
        while self.at < len(self.content) and len(self.asked) < PIPELINE:
            length = min(self.options.get("chunk", 65536), len(self.content) - self.at)
            self.asked[self.at] = length
            self.fetches += 1
            yield [b"FETCH", b"%d" % self.at, b"%d" % length]
            self.at += length


def read_tag(decoder, tag):
    """Durations: tag 2001 around days, seconds and microseconds."""
    if tag.tag == 2001:
        days, seconds, microseconds = tag.value
        return days * 86400 + seconds + microseconds / 1e6
    return str(tag)


def tell(**line):
    print(json.dumps(line, default=str), flush=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
