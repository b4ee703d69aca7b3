using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Machine;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave.Checking;

/// <summary>Looks at all that a slave needs on a machine, without building and without troubling the master.</summary>
public sealed class SlaveCheck
{
    /// <summary>Below it many a build ends for want of memory, in bytes.</summary>
    public const long MemoryPoor = 1L << 30;

    /// <summary>Below it many a build ends for want of room, in bytes.</summary>
    public const long DiskPoor = 4L << 30;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TrialTimeout = TimeSpan.FromSeconds(10);

    private readonly SlaveConfiguration _configuration;
    private readonly MachineFacts _machine = new();
    private readonly PackageInstaller _installer;
    private readonly TimeProvider _time;

    private SlaveCheck(SlaveConfiguration configuration, TimeProvider time)
    {
        _configuration = configuration;
        _time = time;
        _installer = PackageInstaller.Of(_machine.Distributions());
    }

    /// <summary>Everything that was looked at, the good included.</summary>
    public static async Task<IReadOnlyList<CheckFinding>> RunAsync(
        SlaveConfiguration configuration, TimeProvider time, CancellationToken cancel)
    {
        var check = new SlaveCheck(configuration, time);
        var folder = await check.FolderAsync(cancel);
        return
        [
            User(),
            folder,
            .. await check.PythonAsync(folder.Grade == CheckGrade.Good, cancel),
            .. check.Tools(),
            check.Disk(),
            check.Memory(),
            check.Zmq(),
            .. check.Key(out var keys),
            await check.MasterAsync("slave queue", configuration.SlaveAddress, keys, cancel),
            await check.MasterAsync("file queue", configuration.FileAddress, keys, cancel),
        ];
    }

    private static CheckFinding User() => Environment.IsPrivilegedProcess
        ? new CheckFinding(
            CheckGrade.Fatal, "user", "a slave does not run as root: it runs what strangers put into their packages",
            "adduser --system piwheels")
        : new CheckFinding(CheckGrade.Good, "user", Environment.UserName);

    /// <param name="hasFolder">The sandbox is tried in a build folder.</param>
    private async Task<IReadOnlyList<CheckFinding>> PythonAsync(bool hasFolder, CancellationToken cancel)
    {
        PythonFacts python;
        try
        {
            python = await PythonFacts.FindAsync(_configuration.Python, _time, cancel);
        }
        catch (PythonNotFoundException e)
        {
            return [new CheckFinding(CheckGrade.Fatal, "Python", e.Message, Install(PackageInstaller.Tool.Python))];
        }

        return
        [
            .. hasFolder ? [await SandboxAsync(python, cancel)] : Array.Empty<CheckFinding>(),
            new CheckFinding(
                CheckGrade.Good, "Python",
                $"{python.Executable} {python.Version} with pip {python.PipVersion}, for {python.Target}"),
            Venv(python),
            python.Compiler is { } compiler
                ? new CheckFinding(CheckGrade.Good, "compiler", compiler)
                : new CheckFinding(
                    CheckGrade.Poor, "compiler", "only pure Python packages will build", Install(PackageInstaller.Tool.Compiler)),
            python.HasHeaders
                ? new CheckFinding(CheckGrade.Good, "Python.h", "there")
                : new CheckFinding(
                    CheckGrade.Poor, "Python.h", "packages in C will not build", Install(PackageInstaller.Tool.Headers)),
        ];
    }

    private CheckFinding Venv(PythonFacts python)
    {
        const string Subject = "venv";
        var mode = _configuration.Checks.Import;
        if (mode == ImportMode.Never) return new CheckFinding(CheckGrade.Good, Subject, "wheels are handed over without being imported, as the setting says");
        return python.HasVenv
            ? new CheckFinding(CheckGrade.Good, Subject, "there: wheels with machine code are imported before they are handed over")
            : new CheckFinding(
                mode == ImportMode.Always ? CheckGrade.Fatal : CheckGrade.Poor, Subject,
                "not there: wheels are handed over without being imported", Install(PackageInstaller.Tool.Venv));
    }

    private async Task<CheckFinding> SandboxAsync(PythonFacts python, CancellationToken cancel)
    {
        const string Subject = "sandbox";
        if (_configuration.Sandbox == SandboxMode.Never)
            return new CheckFinding(CheckGrade.Poor, Subject, "builds run without, as the setting says");
        var (sandbox, reason) = await SandboxChoice.TryAsync(
            python, _configuration.Dir, _configuration.SandboxFolders, _time, NullLogger.Instance, cancel);
        if (sandbox is not null) return new CheckFinding(CheckGrade.Good, Subject, "bubblewrap works");
        var grade = _configuration.Sandbox == SandboxMode.Always ? CheckGrade.Fatal : CheckGrade.Poor;
        return SandboxChoice.IsInstalled
            ? new CheckFinding(
                grade, Subject, $"bubblewrap does not work, builds can read and change all that this user can: {reason}",
                "sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=10000")
            : new CheckFinding(
                grade, Subject, "bubblewrap is not there: builds can read and change all that this user can",
                Install(PackageInstaller.Tool.Bubblewrap));
    }

    /// <summary>What many packages call, as builds find it.</summary>
    private IEnumerable<CheckFinding> Tools()
    {
        yield return Program("make", PackageInstaller.Tool.Compiler, "some packages in C will not build");
        yield return Program("c++", PackageInstaller.Tool.Compiler, "packages in C++ will not build");
        yield return Program("pkg-config", PackageInstaller.Tool.PkgConfig, "packages will not find the libraries that they need");
        yield return Program("cmake", PackageInstaller.Tool.CMake, "packages that are built by CMake will not build");
        yield return Program("gfortran", PackageInstaller.Tool.Fortran, "packages in Fortran will not build");
        yield return Program("cargo", PackageInstaller.Tool.Rust, "packages in Rust will not build");
        yield return Program("git", PackageInstaller.Tool.Git, "some packages will not know their version");
        yield return Program("patch", PackageInstaller.Tool.Patch, "recipes with patches cannot be followed");
    }

    private CheckFinding Program(string name, PackageInstaller.Tool tool, string without)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] folders = [Path.Combine(home, ".cargo/bin"), "/usr/local/bin", "/usr/bin", "/bin"];
        var path = folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return path is null
            ? new CheckFinding(CheckGrade.Poor, name, without, Install(tool))
            : new CheckFinding(CheckGrade.Good, name, path);
    }

    /// <summary>Builds write there, and run what they wrote.</summary>
    private async Task<CheckFinding> FolderAsync(CancellationToken cancel)
    {
        const string Subject = "folder";
        var folder = _configuration.Dir;
        var trial = Path.Combine(folder, $"piw-check-{Environment.ProcessId}");
        try
        {
            await File.WriteAllTextAsync(trial, "#!/bin/sh\nexit 0\n", cancel);
            File.SetUnixFileMode(trial, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(TrialTimeout);
            using var process = Process.Start(new ProcessStartInfo(trial) { UseShellExecute = false })!;
            await process.WaitForExitAsync(limit.Token);
            return new CheckFinding(CheckGrade.Good, Subject, folder);
        }
        catch (Win32Exception)
        {
            return new CheckFinding(
                CheckGrade.Fatal, Subject, $"nothing that lies in {folder} can be run: it is mounted noexec, or programs are kept from it",
                $"mount -o remount,exec \"$(findmnt -nT {folder} -o TARGET)\"");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new CheckFinding(
                CheckGrade.Fatal, Subject, $"{folder} is no folder to build in: {e.Message}",
                $"install -d -o {Environment.UserName} -m 700 {folder}");
        }
        finally
        {
            Remove(trial);
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Told already
        }
    }

    private CheckFinding Disk()
    {
        var (_, free) = MachineFacts.Disk(_configuration.Dir);
        return free < DiskPoor
            ? new CheckFinding(CheckGrade.Poor, "disk", $"{Bytes(free)} free in {_configuration.Dir}: larger packages will not build")
            : new CheckFinding(CheckGrade.Good, "disk", $"{Bytes(free)} free");
    }

    private CheckFinding Memory()
    {
        var stats = _machine.Stats(_time.GetUtcNow(), _configuration.Dir);
        var all = stats.MemSize + stats.SwapSize;
        var fact = $"{Bytes(stats.MemSize)}, and {Bytes(stats.SwapSize)} of swap";
        return all < MemoryPoor
            ? new CheckFinding(CheckGrade.Poor, "memory", $"{fact}: larger packages will not build")
            : new CheckFinding(CheckGrade.Good, "memory", fact);
    }

    private CheckFinding Zmq()
    {
        try
        {
            new ZmqContext().Dispose();
            return new CheckFinding(CheckGrade.Good, "libzmq", "there");
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            return new CheckFinding(CheckGrade.Fatal, "libzmq", "not there", Install(PackageInstaller.Tool.Zmq));
        }
    }

    /// <summary>Nothing where no key is wanted.</summary>
    private IReadOnlyList<CheckFinding> Key(out CurveClientKeys? keys)
    {
        keys = null;
        const string Subject = "key";
        try
        {
            keys = _configuration.ReadKeys();
            return keys is null ? [] : [new CheckFinding(CheckGrade.Good, Subject, $"{_configuration.KeyFile}, public {keys.PublicKey}")];
        }
        catch (KeyException e)
        {
            return [new CheckFinding(CheckGrade.Fatal, Subject, e.Message, MendingOf(_configuration.KeyFile))];
        }
    }

    private static string? MendingOf(string keyFile)
    {
        if (!File.Exists(keyFile)) return $"piw slave-key make --key-file {keyFile}";
        return SecretKeyFile.IsOpenToOthers(keyFile) ? $"chmod 600 {keyFile}" : null;
    }

    /// <summary>
    /// Whether anything listens there; without keys no word is said, since a master would wonder about half a greeting. With
    /// keys they are shown, and no message follows.
    /// </summary>
    private async Task<CheckFinding> MasterAsync(
        string subject, string address, CurveClientKeys? keys, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ConnectTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            await ConnectAsync(address, both.Token);
            return keys is null ? new CheckFinding(CheckGrade.Good, subject, address) : await ShowAsync(subject, address, keys);
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            var reason = e is SocketException ? e.Message : $"no answer within {ConnectTimeout.TotalSeconds:0} s";
            return new CheckFinding(
                CheckGrade.Poor, subject, $"{address} does not answer ({reason}): a slave waits until it does");
        }
        catch (FormatException e)
        {
            return new CheckFinding(CheckGrade.Fatal, subject, e.Message);
        }
    }

    private static async Task<CheckFinding> ShowAsync(string subject, string address, CurveClientKeys keys)
    {
        using var zmq = new ZmqContext();
        var options = new SocketOptions { CurveClient = keys };
        var handshake = await Task.Run(() => HandshakeProbe.Try(zmq, address, options, ConnectTimeout));
        return handshake switch
        {
            Handshake.Succeeded => new CheckFinding(CheckGrade.Good, subject, $"{address} takes this key"),
            Handshake.Refused => new CheckFinding(
                CheckGrade.Fatal, subject, $"{address} does not know this key; on the master: piw slave-key add NAME '{keys.PublicKey}'"),
            Handshake.OfAnotherKind => new CheckFinding(CheckGrade.Fatal, subject, $"{address} is for slaves without keys"),
            _ => new CheckFinding(
                CheckGrade.Fatal, subject, $"{address} breaks off at the first word: the master's key is another one, or it takes no keys"),
        };
    }

    private static async Task ConnectAsync(string address, CancellationToken cancel)
    {
        if (address.StartsWith("ipc://", StringComparison.Ordinal))
        {
            var path = address["ipc://".Length..];
            using var local = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await local.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
            return;
        }

        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri is not { Scheme: "tcp", Port: > 0 })
            throw new FormatException($"'{address}' is no address of a queue, like tcp://master:5555");
        using var client = new TcpClient();
        await client.ConnectAsync(uri.IdnHost, uri.Port, cancel);
    }

    private string Install(PackageInstaller.Tool tool) => _installer.Install(tool);

    private static string Bytes(long count) => count >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 20):0} MiB");
}
