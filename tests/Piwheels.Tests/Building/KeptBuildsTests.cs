using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>The files that results of builds are kept in.</summary>
public sealed class KeptBuildsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecordedLog _log = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_kept_comes_back_as_it_was_and_in_its_order()
    {
        KeptBuild[] results = [Result("good\ud83d\ude00\0\r\n"), Result(""), Result(new string('x', 100_000))];
        var before = Open();
        foreach (var result in results) before.Keep(result);
        Assert.Empty(before.TakeOver());

        Assert.Equivalent(results, Open().TakeOver().ToArray(), strict: true);
        Assert.Single(Files());
    }

    [Fact]
    public void What_is_done_does_not_come_back_and_its_file_goes_at_the_next_start()
    {
        KeptBuild[] results = [Result("one"), Result("two"), Result("three")];
        var before = Open();
        foreach (var result in results) before.Keep(result);
        before.Drop(results[1]);
        before.Drop(results[1]);

        var next = Open();
        Assert.Equal([results[0].Number, results[2].Number], next.TakeOver().Select(kept => kept.Number));
        next.Drop(results[0]);
        Assert.Equal([results[2].Number], Open().TakeOver().Select(kept => kept.Number));
        next.Drop(results[2]);

        Assert.Empty(Files());
        Assert.Equal(0, next.Count);
    }

    [Fact]
    public void A_full_file_goes_with_the_last_result_in_it_and_a_large_result_has_its_own()
    {
        var kept = Open();
        var small = Enumerable.Range(0, 100).Select(number => Result(new string('x', KeptBuilds.FileBytesMax / 20))).ToList();
        var large = Result(new string('x', KeptBuilds.FileBytesMax));
        foreach (var result in small) kept.Keep(result);
        var files = Files().Length;
        Assert.InRange(files, 4, 6);

        kept.Keep(large);
        Assert.Equal(files + 1, Files().Length);
        kept.Drop(large);
        Assert.Equal(files, Files().Length);
        foreach (var result in small) kept.Drop(result);
        // What is not full takes more
        Assert.InRange(Files().Length, 0, 1);
        kept.Keep(small[0]);
        Assert.Single(Files());
        Assert.Equal(small[0].Number, Assert.Single(Open().TakeOver()).Number);
    }

    [Fact]
    public void Of_a_file_that_was_cut_off_anywhere_comes_what_was_whole()
    {
        KeptBuild[] results = [Result("the first log"), Result("the second log")];
        Open().Keep(results[0]);
        var path = Assert.Single(Files());
        var first = new FileInfo(path).Length;
        File.Delete(path);
        var kept = Open();
        foreach (var result in results) kept.Keep(result);
        path = Assert.Single(Files());
        var whole = File.ReadAllBytes(path);

        for (var length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            var expected = length < first ? 0 : length < whole.Length ? 1 : 2;
            Assert.Equal(results.Take(expected).Select(each => each.Number), Open().TakeOver().Select(each => each.Number));
            Assert.Equal(expected > 0, File.Exists(path));
        }
    }

    [Fact]
    public void What_is_no_result_is_told_of_and_what_follows_it_is_read()
    {
        KeptBuild[] results = [Result("one"), Result("two")];
        var kept = Open();
        foreach (var result in results) kept.Keep(result);
        var path = Assert.Single(Files());
        var content = File.ReadAllBytes(path);
        content[13] ^= 0x40;
        File.WriteAllBytes(path, content);

        Assert.Equal(results[1].Number, Assert.Single(Open().TakeOver()).Number);
        Assert.True(_log.Says("cannot be read"));
    }

    [Fact]
    public async Task Results_kept_and_dropped_side_by_side_are_all_there_or_gone()
    {
        var kept = Open();
        var results = Enumerable.Range(0, 400).Select(number => Result(new string('x', number * 500))).ToList();

        await Parallel.ForEachAsync(results.Index(), (each, _) =>
        {
            kept.Keep(each.Item);
            if (each.Index % 2 == 0) kept.Drop(each.Item);
            return ValueTask.CompletedTask;
        });

        Assert.Equal(
            results.Where((_, index) => index % 2 == 1).Select(each => each.Number).Order(),
            Open().TakeOver().Select(each => each.Number).Order());
    }

    private static KeptBuild Result(string log) => new(Guid.CreateVersion7(), new BuildState(
        7, "numpy", "2.1.0", "cp311", Status: true, TimeSpan.FromSeconds(5), log,
        [Slaves.File("numpy-2.1.0-cp311-cp311-linux_armv7l.whl")], "linux_armv7l"));

    private KeptBuilds Open() => KeptBuilds.Open(_folder.Path, _log.CreateLogger("test"));

    private string[] Files() => Directory.GetFiles(Path.Combine(_folder.Path, KeptBuilds.FolderName));
}
