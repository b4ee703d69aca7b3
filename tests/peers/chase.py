"""The side of a Python master that tools speak to, by a script: prints what it is asked, a line of JSON each.

    /usr/bin/python3 chase.py '{"fields": 10, "old": true}'

The first line names the addresses bound. It ends with its standard input. Options, all with a default:
    fields      fields of a file state that it reads: 11, or 10 as before 0.22; drops an IMPORT with others   11
    old         answers DONE without data, and knows REMOVE alone of what removes and adds (0.16 to 0.19)       false
    twice       asks for each file twice                                                                          false
    reply       answers in place of the right ones, by request: {"SENT": ["ERROR", "no"]}                        none
"""

import hashlib
import json
import sys

import cbor2
import zmq

CHUNK = 65536


class Master:
    def __init__(self, options):
        self.options = options
        self.files = []
        self.asked = 0
        self.content = b""

    def answer(self, message):
        name, data = (message, None) if isinstance(message, str) else message
        tell(said=name, data=data)
        if name in self.options.get("reply", {}):
            return self.options["reply"][name]
        reply = getattr(self, "do_" + name.lower(), lambda data: None)(data)
        return "DONE" if self.options.get("old") and reply and reply[0] == "DONE" else reply

    def do_addpkg(self, data):
        return None if self.options.get("old") or len(data) != 5 else ["DONE", "NEWPKG"]

    def do_addver(self, data):
        return None if self.options.get("old") or len(data) != 8 else ["DONE", "NEWVER"]

    def do_rempkg(self, data):
        name, builds, skip = data
        if not self.options.get("old"):
            return ["DONE", "SKIPPKG" if skip else "DELPKGBLD" if builds else "DELPKG"]

    def do_remver(self, data):
        name, version, builds, skip, yank = data
        if not self.options.get("old"):
            return ["DONE", "SKIPVER" if skip else "YANKVER" if yank else "DELVERBLD" if builds else "DELVER"]

    def do_remove(self, data):
        name, version, skip = data
        return ["DONE", None] if self.options.get("old") else None

    def do_rebuild(self, data):
        return ["DONE", "REBUILD"] if data[0] in ("HOME", "SEARCH", "PROJECT", "BOTH") else ["ERROR", "unknown part"]

    def do_import(self, data):
        slave, package, version, abi, status, duration, output, files = data
        if slave != 0 or not status or any(len(state) != self.options.get("fields", 11) for state in files):
            return None
        self.files = sorted(files)
        return self.next_file()

    def do_sent(self, data):
        if not self.files:
            return ["ERROR", "protocol violation"]
        state = self.files[0]
        tell(file=state[0], sound=hashlib.sha256(self.content).hexdigest() == state[2] and len(self.content) == state[1])
        if self.options.get("twice") and self.asked == 1:
            return self.next_file()
        self.files.pop(0)
        self.asked = 0
        return self.next_file()

    def next_file(self):
        if not self.files:
            return ["DONE", "IMPORT"]
        self.content = b""
        self.asked += 1
        return ["SEND", self.files[0][0]]

    def transfer(self, frames):
        if frames[0] == b"CHUNK" and int(frames[1]) == len(self.content):
            self.content += frames[2]
        left = self.files[0][1] - len(self.content) if self.files else 0
        if left == 0:
            return [b"DONE"]
        return [b"FETCH", b"%d" % len(self.content), b"%d" % min(left, CHUNK)]


def read_tag(decoder, tag):
    """Durations: tag 2001 around days, seconds and microseconds."""
    return tag.value if tag.tag == 2001 else str(tag)


def tell(**line):
    print(json.dumps(line, default=str), flush=True)


def main(options):
    context = zmq.Context()
    tools, files = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    for socket in (tools, files):
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind("tcp://127.0.0.1:*")
    tell(import_queue=tools.getsockopt_string(zmq.LAST_ENDPOINT), file_queue=files.getsockopt_string(zmq.LAST_ENDPOINT))
    master = Master(options)
    poller = zmq.Poller()
    for source in (tools, files, sys.stdin):
        poller.register(source, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if sys.stdin.fileno() in ready and not sys.stdin.readline():
            return
        if tools in ready:
            address, empty, payload = tools.recv_multipart()
            reply = master.answer(cbor2.loads(payload, tag_hook=read_tag))
            if reply is not None:
                tools.send_multipart([address, empty, cbor2.dumps(reply)])
        if files in ready:
            address, *frames = files.recv_multipart()
            files.send_multipart([address, *master.transfer(frames)])


main(json.loads(sys.argv[1]))
