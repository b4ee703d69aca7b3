using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>What piw-initdb does, for tests.</summary>
internal static class Upgrading
{
    /// <summary>Brings a database up to date, and answers what is told.</summary>
    public static async Task<IReadOnlyList<string>> UpgradeAsync(this TestDatabase store)
    {
        var progress = new RecordedProgress();
        await using var installer = await SchemaInstaller.ConnectAsync(store.SuperuserDsn);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), PostgresCluster.OrdinaryUser, progress);
        Assert.Equal(SchemaKind.Current, (await installer.DetectVersionAsync()).Kind);
        return [.. progress.Seen.Select(p => p.Note).OfType<string>()];
    }
}

/// <summary>Keeps what an installer tells, in order.</summary>
internal sealed class RecordedProgress : IProgress<SchemaProgress>
{
    public List<SchemaProgress> Seen { get; } = [];

    public void Report(SchemaProgress value) => Seen.Add(value);
}
