"""Runs a program on a terminal of its own, types an answer when it asks, and tells what was on the screen.

    terminal.py ANSWER PROGRAM ARGUMENT...
"""

import os
import pty
import sys

answer, program = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)

screen = b""
typed = False
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        # Linux says so when the last one has closed the other side
        break
    screen += chunk
    if not typed and b"[y/N] " in screen:
        os.write(terminal, answer.encode() + b"\n")
        typed = True

_, status = os.waitpid(child, 0)
sys.stdout.write(screen.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(status))
