"""Types into an interactive zsh that has read a completion script, presses the tab key, and tells what the line is then.

    zsh_completion.py FOLDER-OF-PIW TYPED WANTED
"""

import os
import pty
import select
import sys
import time

folder, typed, wanted = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.environ.update(PATH=f"{folder}:{os.environ['PATH']}", PS1="ready> ", TERM="dumb", HOME="/nonexistent")
    os.execvp("zsh", ["zsh", "-f", "-i"])

screen = b""


def wait_for(text):
    """Reads the screen until a text is on it; all that is there if it never comes."""
    global screen
    limit = time.monotonic() + 60
    while text not in screen and time.monotonic() < limit:
        if select.select([terminal], [], [], 1)[0]:
            try:
                screen += os.read(terminal, 4096)
            except OSError:
                return


wait_for(b"ready> ")
os.write(terminal, b"autoload -Uz compinit; compinit -D; source <(piw completion zsh); echo se''t up\n")
wait_for(b"set up")
screen = b""
os.write(terminal, typed.encode() + b"\t")
wait_for(wanted.encode())
os.write(terminal, b"\x03exit\n")
print(screen.decode(errors="replace"))
