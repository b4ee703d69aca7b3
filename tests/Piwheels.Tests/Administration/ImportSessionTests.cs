using Piwheels.Core.States;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Administration;

public sealed class ImportSessionTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ImportSession _session = new();

    [Fact]
    public void Files_are_asked_for_in_the_order_of_their_names_and_then_recorded()
    {
        var first = Imports.File("foo-1.0-cp311-cp311-linux_armv6l.whl");
        var second = Imports.File("foo-1.0-cp311-cp311-linux_armv7l.whl");
        var begin = Begin(Imports.Build(second, first));
        Assert.Equal(first.Filename, Assert.IsType<ImportStep.Expect>(_session.Accept(begin)).File.Filename);
        Assert.True(_session.Importing);
        Assert.Equal("foo", Assert.IsType<ImportStep.Verify>(Receive(new ImportRequest.Sent())).Package.Value);
        Assert.Equal(second.Filename, Assert.IsType<ImportStep.Expect>(_session.Verified(">=3.6")).File.Filename);
        var record = Assert.IsType<ImportStep.Record>(_session.Verified(null));
        Assert.Equal([">=3.6", null], record.Build.Files.Select(file => file.RequiresPython));
        Assert.Equal([first.Filename, second.Filename], record.Build.Files.Select(file => file.Filename));
        _session.End();
        Assert.False(_session.Importing);
    }

    [Fact]
    public void A_file_that_came_wrong_is_asked_for_again_but_not_for_ever()
    {
        _session.Accept(Begin(Imports.Build()));
        for (var attempt = 1; attempt < ImportSession.AttemptsMax; attempt++)
            Assert.IsType<ImportStep.Expect>(_session.Mismatched("the hash is another"));
        var refusal = Assert.IsType<ImportStep.Refuse>(_session.Mismatched("the hash is another"));
        Assert.Contains("the hash is another", refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_can_be_sent_before_it_was_announced()
    {
        Assert.Equal("protocol violation", Assert.IsType<ImportStep.Refuse>(Receive(new ImportRequest.Sent())).Reason);
        _session.Accept(Begin(Imports.Build()));
        _session.End();
        Assert.IsType<ImportStep.Refuse>(Receive(new ImportRequest.Sent()));
    }

    [Fact]
    public void A_tool_shows_its_age_by_the_old_form_of_remove()
    {
        Receive(new ImportRequest.RemovePackage("foo", false, ""));
        Assert.False(_session.IsOld);
        Receive(new ImportRequest.Remove("foo", null, ""));
        Assert.True(_session.IsOld);
        Receive(new ImportRequest.Rebuild(RebuildScope.Home, null));
        Assert.True(_session.IsOld);
        Assert.Equal(Now, _session.LastHeard);
    }

    [Fact]
    public void What_is_recorded_is_canonical()
    {
        var claim = Imports.Build() with
        {
            SlaveId = 7,
            Package = "Foo",
            Output = "built\0by hand",
        };
        var shouting = claim.Files[0] with { FileHash = new string('A', 64), Location = "/elsewhere" };
        var build = Begin(claim with { Files = [shouting] }).Build;
        Assert.Equal((0, "foo", "built\uFFFDby hand"), (build.SlaveId, build.Package, build.Output));
        Assert.Equal(new string('a', 64), build.Files[0].FileHash);
        Assert.Equal(FileState.DefaultLocation, build.Files[0].Location);
    }

    public static TheoryData<string, string> Refusals() => new()
    {
        { "failed", "a failed build" },
        { "no files", "no files" },
        { "many files", "51 files are too many" },
        { "package", "is not a package name" },
        { "version", "is not a version" },
        { "duration", "cannot take" },
        { "no wheel", "not the name of a wheel" },
        { "a path", "not the name of a wheel" },
        { "other package", "the package asked for is foo" },
        { "other version", "the version asked for is 1.0" },
        { "other tags", "its tags are not those of its name" },
        { "empty", "cannot have 0 bytes" },
        { "hash", "no SHA-256" },
        { "twice", "comes twice" },
        { "dependencies", "are not known" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_true_is_refused_in_words(string what, string words)
    {
        var build = Imports.Build();
        var file = build.Files[0];
        BuildState Files(params FileState[] files) => build with { Files = files };
        var claim = what switch
        {
            "failed" => build with { Status = false },
            "no files" => Files(),
            "many files" => Files([.. Enumerable.Repeat(file, 51)]),
            "package" => build with { Package = "../foo" },
            "version" => build with { Version = "1.0\n" },
            "duration" => build with { Duration = TimeSpan.FromDays(1000) },
            "no wheel" => Files(file with { Filename = "foo-1.0.tar.gz" }),
            "a path" => Files(file with { Filename = "../foo-1.0-py3-none-any.whl" }),
            "other package" => Files(Imports.File("bar-1.0-py3-none-any.whl")),
            "other version" => Files(Imports.File("foo-2.0-py3-none-any.whl")),
            "other tags" => Files(file with { AbiTag = "cp27" }),
            "empty" => Files(file with { FileSize = 0 }),
            "hash" => Files(file with { FileHash = "0" }),
            "twice" => Files(file, file),
            _ => Files(file with { Dependencies = new Dictionary<string, IReadOnlyList<string>> { ["npm"] = [] } }),
        };
        var refusal = Assert.IsType<ImportStep.Refuse>(Receive(new ImportRequest.Import(claim)));
        Assert.Contains(words, refusal.Reason, StringComparison.Ordinal);
        Assert.False(_session.Importing);
    }

    private ImportStep Receive(ImportRequest request) => _session.Receive(request, Now);

    private ImportStep.Begin Begin(BuildState build) =>
        Assert.IsType<ImportStep.Begin>(Receive(new ImportRequest.Import(build)));
}
