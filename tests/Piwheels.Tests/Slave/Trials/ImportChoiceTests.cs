using Microsoft.Extensions.Logging;
using Piwheels.Slave;
using Piwheels.Slave.Python;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave.Trials;

public sealed class ImportChoiceTests : IDisposable
{
    private static readonly PythonFacts Python = new("/usr/bin/python3", "3.11.2", "311", "cp311", "linux_x86_64", "23.0.1", true, null, false);

    private readonly RecordedLog _log = new();

    public void Dispose() => _log.Dispose();

    private TimeSpan? Make(ImportMode mode, bool hasVenv) => ImportChoice.Make(
        new WheelChecks { Import = mode }, Python with { HasVenv = hasVenv }, _log.CreateLogger("slave"));

    [Fact]
    public void Where_there_is_a_venv_wheels_are_imported_unless_nobody_wants_it()
    {
        Assert.Equal(TimeSpan.FromSeconds(60), Make(ImportMode.Auto, true));
        Assert.Equal(TimeSpan.FromSeconds(60), Make(ImportMode.Always, true));
        Assert.Null(Make(ImportMode.Never, true));
        Assert.Null(Make(ImportMode.Never, false));
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public void Where_there_is_none_it_is_said_loudly_or_refused()
    {
        Assert.Null(Make(ImportMode.Auto, false));
        var line = Assert.Single(_log.Entries);
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.StartsWith("WHEELS ARE NOT IMPORTED BEFORE THEY ARE HANDED OVER: ", line.Message, StringComparison.Ordinal);
        Assert.Contains("apt install python3-venv", line.Message, StringComparison.Ordinal);
        Assert.Contains("has no venv", Assert.Throws<SlaveException>(() => Make(ImportMode.Always, false)).Message, StringComparison.Ordinal);
    }
}
