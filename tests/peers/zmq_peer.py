"""A ZeroMQ peer that does as it is told: commands as JSON lines on stdin, answers on stdout.

{"do": "open", "type": "REQ", "address": "...", "bind": true, "options": {"IDENTITY": hex}} -> {"socket": 1, "endpoint": "..."}
{"do": "send", "socket": 1, "frames": [hex, ...]}                                           -> {"sent": true}
{"do": "receive", "socket": 1, "limit": milliseconds}                                       -> {"frames": [hex, ...] or null}
{"do": "close", "socket": 1}                                                                -> {}
{"do": "crowd", "address": "...", "count": n, "payload": hex}     n REQ peers ask at once   -> {"answers": n, "distinct": n}
"""

import json
import sys

import zmq


class Peer:
    def __init__(self):
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 4096)
        self.sockets = {}
        self.opened = 0

    def open(self, type, address, bind=False, options=None):
        socket = self.context.socket(getattr(zmq, type))
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDTIMEO, 10000)
        if type == "SUB":
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        for name, value in (options or {}).items():
            value = bytes.fromhex(value) if isinstance(value, str) else value
            socket.setsockopt(getattr(zmq, name), value)
        if bind:
            socket.bind(address)
        else:
            socket.connect(address)
        self.opened += 1
        self.sockets[self.opened] = socket
        endpoint = socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        return {"socket": self.opened, "endpoint": endpoint}

    def send(self, socket, frames):
        try:
            self.sockets[socket].send_multipart([bytes.fromhex(f) for f in frames])
            return {"sent": True}
        except zmq.Again:
            return {"sent": False}

    def receive(self, socket, limit):
        if not self.sockets[socket].poll(limit):
            return {"frames": None}
        return {"frames": [f.hex() for f in self.sockets[socket].recv_multipart()]}

    def close(self, socket):
        self.sockets.pop(socket).close()
        return {}

    def crowd(self, address, count, payload):
        poller = zmq.Poller()
        for index in range(count):
            socket = self.context.socket(zmq.REQ)
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address)
            poller.register(socket, zmq.POLLIN)
            socket.send(bytes.fromhex(payload) + b"%d" % index)
        answers = []
        while len(answers) < count:
            ready = poller.poll(30000)
            if not ready:
                break
            for socket, _ in ready:
                answers.append(socket.recv())
                poller.unregister(socket)
                socket.close()
        return {"answers": len(answers), "distinct": len(set(answers))}


def main():
    peer = Peer()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(peer, command.pop("do"))(**command)
        except zmq.ZMQError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
