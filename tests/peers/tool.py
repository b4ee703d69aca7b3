"""The tools of piwheels, monitors and a slave, as they speak to a master: commands as JSON lines on stdin, answers on stdout.

{"do": "open", "name": "tool", "type": "REQ", "address": "..."}                             -> {}
{"do": "ask", "name": "tool", "message": "ADDPKG", "data": [...]}                           -> {"answer": "DONE" or ["DONE", ...]}
{"do": "ask", ..., "until": ["SLEEP", true]}   asks again until this is the answer          -> {"answer": ...}
{"do": "ask", ..., "until": ["BUILD"]}         asks again until it begins so                -> {"answer": ...}
{"do": "tell", "name": "control", "message": "SLEEP", "data": null}                         -> {}
{"do": "hear", "name": "status", "message": "STATS"}      the first that came, or comes     -> {"answer": [...]}
{"do": "import", "name": "tool", "files": "...", "wheel": path, "abi": "cp311", "fields": 11, "version": "1.0"}
                                                                                            -> {"answers": [...]}

A message without "data" is the bare name. Data may have {"time": "2024-01-31T00:00:00"} and {"seconds": 5}.
"""

import datetime
import hashlib
import json
import os
import sys
import time

import cbor2
import zmq

LIMIT = 60


class Tools:
    def __init__(self):
        self.context = zmq.Context()
        self.sockets = {}
        self.kept = {}  # Heard, and not asked for yet

    def open(self, name, type, address):
        socket = self.context.socket(getattr(zmq, type))
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.LINGER, 1000)
        socket.setsockopt(zmq.RCVTIMEO, LIMIT * 1000)
        socket.setsockopt(zmq.SNDTIMEO, LIMIT * 1000)
        if type == "SUB":
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(address)
        self.sockets[name] = socket
        return {}

    def tell(self, name, message, **more):
        item = [message, unwrap(more["data"])] if "data" in more else message
        self.sockets[name].send(cbor2.dumps(item))
        return {}

    def hear(self, name, message):
        kept = self.kept.setdefault(name, [])
        while True:
            for item in kept:
                if (item if isinstance(item, str) else item[0]) == message:
                    kept.remove(item)
                    return {"answer": item}
            kept.append(self.receive(name))

    def ask(self, name, message, until=None, **more):
        deadline = time.monotonic() + LIMIT
        while True:
            self.tell(name, message, **more)
            answer = self.receive(name)
            if until is None or answer == until or [answer[0]] == until:
                return {"answer": answer}
            if time.monotonic() > deadline:
                return {"error": f"{message} is still answered {answer}"}
            time.sleep(0.02)

    def receive(self, name):
        return cbor2.loads(self.sockets[name].recv(), tag_hook=lambda decoder, tag: None)

    def do_import(self, name, files, wheel, abi, fields, version, status=True):
        with open(wheel, "rb") as file:
            content = file.read()
        filename = os.path.basename(wheel)
        package, *_, py_tag, abi_tag, platform_tag = filename[:-len(".whl")].split("-")
        state = [
            filename, len(content), hashlib.sha256(content).hexdigest(), package, filename.split("-")[1], py_tag, abi_tag,
            platform_tag, None, {"pip": ["six"]}, "/simple"]
        build = [0, package, version, abi, status, {"seconds": 5}, "Imported manually via piw-import", [state[:fields]]]
        answers = [self.ask(name, "IMPORT", data=build)["answer"]]
        while answers[-1][0] == "SEND":
            self.transfer(files, content)
            answers.append(self.ask(name, "SENT")["answer"])
        return {"answers": answers}

    def transfer(self, address, content):
        socket = self.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(address)
        socket.send_multipart([b"HELLO", b"0"])
        try:
            while True:
                if not socket.poll(5000):
                    socket.send_multipart([b"HELLO", b"0"])
                    continue
                frames = socket.recv_multipart()
                if frames[0] == b"DONE":
                    return
                offset, length = int(frames[1]), int(frames[2])
                socket.send_multipart([b"CHUNK", frames[1], content[offset:offset + length]])
        finally:
            socket.close()


def unwrap(value):
    if isinstance(value, dict) and "time" in value:
        return datetime.datetime.fromisoformat(value["time"]).replace(tzinfo=datetime.timezone.utc)
    if isinstance(value, dict) and "seconds" in value:
        return cbor2.CBORTag(2001, [0, value["seconds"], 0])
    if isinstance(value, list):
        return [unwrap(each) for each in value]
    return value


def main():
    tools = Tools()
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        try:
            answer = getattr(tools, "do_import" if name == "import" else name)(**command)
        except zmq.ZMQError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer, default=str), flush=True)


main()
