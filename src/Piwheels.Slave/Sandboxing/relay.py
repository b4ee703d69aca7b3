"""Runs a command in a network namespace without a network, and carries its connections to a proxy outside.

Arguments: a unix socket, a port, the command. Whoever connects to 127.0.0.1:PORT is connected to the socket, bytes
go both ways, and that is all: what may be reached is decided at the other end, out of reach of the command. Works
with every Python 3, without site-packages.
"""

import os
import socket
import sys
import threading

CONNECTIONS_MAX = 64
BYTES = 65536


def carry(source, target):
    try:
        while True:
            data = source.recv(BYTES)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # Neither side has anything to say to the other any more
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def connect(inner, path, free):
    try:
        with inner, socket.socket(socket.AF_UNIX) as outer:
            outer.connect(path)
            back = threading.Thread(target=carry, args=(outer, inner), daemon=True)
            back.start()
            carry(inner, outer)
            back.join()
    except (OSError, RuntimeError):  # The slave is gone, or there is no room for a thread
        pass
    finally:
        free.release()


def serve(listener, path):
    free = threading.Semaphore(CONNECTIONS_MAX)
    while True:
        free.acquire()
        inner, _ = listener.accept()
        try:
            threading.Thread(target=connect, args=(inner, path, free), daemon=True).start()
        except RuntimeError:
            inner.close()
            free.release()


def main():
    path, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(CONNECTIONS_MAX)
    if os.fork() == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)  # The log is the command's
        os.dup2(nothing, 2)
        serve(listener, path)
    listener.close()
    os.execvp(command[0], command)


main()
