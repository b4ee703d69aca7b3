using Piwheels.Storage.Private;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Private;

public sealed class PostgresBinariesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_newest_version_is_taken_wherever_it_is()
    {
        Install("debian/9/bin", "9.6.24");
        Install("debian/15/bin", "15.20 (Debian 15.20-0+deb12u1)");
        Install("debian/17/bin", "17.2");
        Install("local", "16.1");
        Assert.Equal(new PostgresBinaries(_folder["debian/17/bin"], 17), Find(null));
        Assert.Equal(new PostgresBinaries(_folder["debian/15/bin"], 15), Find(15));
        Install("other", "18beta1");
        Assert.Equal(new PostgresBinaries(_folder["other"], 18), Find(null));
    }

    [Fact]
    public void What_pg_config_names_is_found()
    {
        Install("elsewhere/bin", "16.1");
        Program("local/pg_config", _folder["elsewhere/bin"]);
        Assert.Equal(new PostgresBinaries(_folder["elsewhere/bin"], 16), Find(null));
    }

    [Fact]
    public void Where_there_is_none_the_package_is_named()
    {
        Install("debian/14/bin", "14.9");
        Program("local/postgres", "no initdb beside it");
        Assert.EndsWith("apt install postgresql", Refusal(null), StringComparison.Ordinal);
        Assert.EndsWith("apt install postgresql-16", Refusal(16), StringComparison.Ordinal);
    }

    private PostgresBinaries Find(int? major) =>
        PostgresBinaries.Find(major, _folder["debian"], $"{_folder["local"]}:{_folder["other"]}:/nonexistent");

    private string Refusal(int? major) => Assert.Throws<PrivateClusterException>(() => Find(major)).Message;

    private void Install(string folder, string version)
    {
        Program($"{folder}/postgres", $"postgres (PostgreSQL) {version}");
        Program($"{folder}/initdb", "");
    }

    private void Program(string path, string output) => File.SetUnixFileMode(
        _folder.Write(path, $"#!/bin/sh\necho '{output}'\n"),
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
