using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class FileJugglerTests
{
    private static readonly TransferOwner Slave3 = TransferOwner.Slave(3);
    private static readonly PackageName Numpy = Slaves.Numpy.Package;

    [Fact]
    public async Task A_verified_wheel_is_published_with_its_metadata_for_everybody_to_read()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.False(Directory.Exists(farm.Output("simple/numpy")));
        await farm.PublishAsync(Slave3, state);

        var wheel = farm.Output($"simple/numpy/{state.Filename}");
        Assert.Equal(await File.ReadAllBytesAsync(path), await File.ReadAllBytesAsync(wheel));
        var metadata = await File.ReadAllTextAsync($"{wheel}.metadata");
        Assert.StartsWith("Metadata-Version: ", metadata, StringComparison.Ordinal);
        const UnixFileMode Readable =
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        Assert.Equal((Readable, Readable), (File.GetUnixFileMode(wheel), File.GetUnixFileMode($"{wheel}.metadata")));
        Assert.Equal(2, farm.OutputFiles().Count);
    }

    [Fact]
    public async Task What_is_not_verified_yet_is_nowhere_to_be_read()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        var only = Assert.Single(farm.OutputFiles());
        Assert.StartsWith($"{OutputFolder.TransfersName}/", only, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(farm.Output(only)));

        await farm.Files.ForgetAsync(Slave3).Within();
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task Broken_transfers_of_an_earlier_run_are_removed_at_the_start()
    {
        await using var farm = await FarmBench.StartAsync(prepare: farm =>
        {
            Directory.CreateDirectory(farm.Output(OutputFolder.TransfersName));
            File.WriteAllText(farm.Output($"{OutputFolder.TransfersName}/old.tmp"), "half a wheel");
        });

        await farm.Log.WhenAsync(line => line.Message.Contains("removed 1 broken transfers", StringComparison.Ordinal));
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task A_file_of_the_same_name_is_replaced_as_a_whole()
    {
        await using var farm = await FarmBench.StartAsync(prepare: farm =>
        {
            Directory.CreateDirectory(farm.Output("simple/numpy"));
            File.WriteAllText(farm.Output($"simple/numpy/{Slaves.NumpyWheel}"), "an older build");
        });
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        await farm.PublishAsync(Slave3, state);
        Assert.Equal(
            await File.ReadAllBytesAsync(path),
            await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{state.Filename}")));
    }

    [Fact]
    public async Task A_package_folder_that_was_another_packages_alias_becomes_a_folder_of_its_own()
    {
        await using var farm = await FarmBench.StartAsync(prepare: farm =>
        {
            Directory.CreateDirectory(farm.Output("simple/other"));
            File.CreateSymbolicLink(farm.Output("simple/numpy"), "other");
        });
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        await farm.PublishAsync(Slave3, state);
        Assert.Empty(Directory.GetFiles(farm.Output("simple/other")));
        Assert.True(File.Exists(farm.Output($"simple/numpy/{state.Filename}")));
    }

    [Fact]
    public async Task A_wheel_takes_the_place_of_another_only_where_the_database_has_it()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        var place = farm.Output($"simple/numpy/{state.Filename}");
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        await File.WriteAllTextAsync(place, "another");
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);
        await farm.Files.VerifyAsync(Slave3, Numpy).Within();

        await farm.Files.PublishAsync(Slave3).Within();

        Assert.Equal("another", await File.ReadAllTextAsync(place));
        Assert.Single(farm.OutputFiles());
    }

    [Fact]
    public async Task A_build_that_is_given_up_leaves_the_same_wheel_of_another_build_alone()
    {
        await using var farm = await FarmBench.StartAsync();
        var slave4 = TransferOwner.Slave(4);
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);
        await farm.Files.VerifyAsync(Slave3, Numpy).Within();
        await farm.PublishAsync(Slave3, state);
        var published = await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{state.Filename}"));

        var (other, otherState) = farm.Wheel(
            new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l").With("more.txt", new byte[1000]));
        Assert.NotEqual(state.FileHash, otherState.FileHash);
        await farm.Files.ExpectAsync(slave4, otherState).Within();
        await farm.SendAsync(4, other);
        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(slave4, Numpy).Within());
        await farm.Files.ForgetAsync(slave4).Within();

        Assert.Equal(published, await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{state.Filename}")));
        Assert.Equal(2, farm.OutputFiles().Count);
    }

    [Fact]
    public async Task Of_two_builds_of_one_wheel_the_one_recorded_last_is_published_in_whatever_order()
    {
        await using var farm = await FarmBench.StartAsync();
        var slave4 = TransferOwner.Slave(4);
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);
        await farm.Files.VerifyAsync(Slave3, Numpy).Within();
        var (other, otherState) = farm.Wheel(
            new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l").With("more.txt", new byte[1000]));
        await farm.Files.ExpectAsync(slave4, otherState).Within();
        await farm.SendAsync(4, other);
        await farm.Files.VerifyAsync(slave4, Numpy).Within();

        await farm.PublishAsync(slave4, otherState);
        await farm.Files.PublishAsync(Slave3).Within();

        Assert.Equal(
            await File.ReadAllBytesAsync(other),
            await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{state.Filename}")));
        Assert.Equal(2, farm.OutputFiles().Count);
    }

    [Fact]
    public async Task What_could_not_be_published_for_the_database_is_published_when_it_is_back()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        var place = farm.Output($"simple/numpy/{state.Filename}");
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        await File.WriteAllTextAsync(place, "an earlier build's");
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);
        await farm.Files.VerifyAsync(Slave3, Numpy).Within();
        var away = true;
        farm.Database.Before = method => away && method == "GetPackageFiles"
            ? Task.FromException(new DatabaseException("the server is away", transient: true))
            : Task.CompletedTask;

        await farm.PublishAsync(Slave3, state);
        Assert.Equal("an earlier build's", await File.ReadAllTextAsync(place));
        away = false;
        farm.Bed.Time.Advance(FileJuggler.SettleInterval);

        await farm.Log.WhenAsync(line => line.Message.Contains("publishing wheels works again", StringComparison.Ordinal));
        Assert.Equal(await File.ReadAllBytesAsync(path), await File.ReadAllBytesAsync(place));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_master_that_was_killed_between_record_and_publication_publishes_at_its_next_start(bool isRecorded)
    {
        string wheel = "", held = "";
        FileState? left = null;
        await using var farm = await FarmBench.StartAsync(prepare: farm =>
        {
            // What a killed master leaves
            var (path, state) = farm.Wheel();
            held = farm.Output($"{OutputFolder.TransfersName}/01234567-{state.Filename}");
            Directory.CreateDirectory(Path.GetDirectoryName(held)!);
            File.Copy(path, held);
            wheel = farm.Output($"simple/numpy/{state.Filename}");
            left = state;
        });
        await farm.Log.WhenAsync(line => line.Message.Contains("of an earlier run wait", StringComparison.Ordinal));
        if (isRecorded) await farm.RecordAsync(left!);
        var owed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var asked = new SemaphoreSlim(0);
        farm.Database.Before = method =>
        {
            if (method == "SaveRewritesPending") owed.TrySetResult();
            if (method == "GetPackageFiles") asked.Release();
            return Task.CompletedTask;
        };
        // The first look was at the start
        farm.Bed.Time.Advance(FileJuggler.SettleInterval);
        if (isRecorded)
        {
            await farm.Log.WhenSaidAsync("is published now");
            // Pages that were written meanwhile do not have its METADATA
            await owed.Task.Within();
        }
        else
        {
            // Its time begins with the first answer, which has come when the database is asked again
            await asked.WaitAsync().Within();
            await farm.SettleJugglerAsync();
            farm.Bed.Time.Advance(FileJuggler.SettleInterval);
            await asked.WaitAsync().Within();
            await farm.SettleJugglerAsync();
            Assert.True(File.Exists(held));
            farm.Bed.Time.Advance(WheelPublisher.RecordedWithin);
            await farm.Log.WhenSaidAsync("is not published");
        }

        Assert.Equal(isRecorded, File.Exists(wheel));
        Assert.Equal(isRecorded, File.Exists($"{wheel}.metadata"));
        Assert.False(File.Exists(held));
    }

    [Theory]
    [InlineData("numpy-2.1.0-py3-none-any.whl", 0)]
    [InlineData("../numpy-2.1.0-py3-none-any.whl", 100)]
    [InlineData("evil.sh", 100)]
    public async Task What_can_be_no_wheel_is_not_expected(string filename, long size)
    {
        await using var farm = await FarmBench.StartAsync();
        var file = Slaves.File(Slaves.NumpyWheel) with { Filename = filename, FileSize = size };

        var refusal = await Assert.ThrowsAsync<RpcException>(() => farm.Files.ExpectAsync(Slave3, file).Within());

        Assert.False(refusal.Transient);
    }

    [Fact]
    public async Task A_file_is_not_expected_where_the_disk_has_no_room_for_it_and_for_those_expected_before()
    {
        await using var farm = await FarmBench.StartAsync();
        farm.DiskFree = FileJuggler.DiskReserveBytes + 1500;
        await farm.Files.ExpectAsync(Slave3, Slaves.File(Slaves.NumpyWheel, 1000)).Within();

        var refusal = await Assert.ThrowsAsync<RpcException>(
            () => farm.Files.ExpectAsync(TransferOwner.Slave(4), Slaves.File(Slaves.NumpyWheel, 1000)).Within());

        Assert.True(refusal.Transient);
        await farm.Files.ExpectAsync(TransferOwner.Slave(4), Slaves.File(Slaves.NumpyWheel, 500)).Within();
    }

    [Fact]
    public async Task A_file_of_which_nothing_has_come_does_not_match()
    {
        await using var farm = await FarmBench.StartAsync();
        await farm.Files.ExpectAsync(Slave3, farm.Wheel().State).Within();

        Assert.IsType<VerifyResult.Mismatched>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        await Assert.ThrowsAsync<RpcException>(() => farm.Files.VerifyAsync(Slave3, Numpy).Within());
    }

    public static TheoryData<string, Func<WheelMaker>, string> NoWheels => new()
    {
        { "another package's METADATA", () => Maker("scipy", "2.1.0"), "scipy" },
        { "another version's METADATA", () => Maker("numpy", "2.1.1"), "2.1.1" },
        { "no METADATA", () => new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l") { HasFolder = false }, "" },
    };

    [Theory]
    [MemberData(nameof(NoWheels))]
    public async Task A_file_that_matches_and_is_no_wheel_of_its_name_is_refused(
        string what, Func<WheelMaker> maker, string reason)
    {
        Assert.NotEmpty(what);
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel(maker());
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        var refused = Assert.IsType<VerifyResult.Refused>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());

        Assert.Contains(reason, refused.Reason, StringComparison.Ordinal);
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task A_wheel_is_not_published_below_another_package()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Refused>(
            await farm.Files.VerifyAsync(Slave3, PackageName.Parse("scipy")).Within());
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task A_stranger_that_comes_first_with_other_bytes_does_not_spoil_the_slaves_own()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        var forged = Path.Combine(farm.Bed.Folder, "forged");
        await File.WriteAllBytesAsync(forged, new byte[state.FileSize]);

        await farm.SendAsync(3, forged);
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.Single(farm.OutputFiles());
    }

    [Fact]
    public async Task A_stranger_alone_with_other_bytes_is_found_out()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        await farm.Files.ExpectAsync(Slave3, state).Within();
        await farm.SendAsync(3, path);

        var mismatch = Assert.IsType<VerifyResult.Mismatched>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.Contains("SHA-256", mismatch.Reason, StringComparison.Ordinal);
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task Garbage_on_the_file_queue_stops_nothing()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        using var hostile = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        hostile.Connect(farm.FileAddress);

        // Some of it costs its sender the connection, and whatever follows on that
        foreach (var frames in Garbage()) Assert.True(hostile.TrySend([.. frames]));
        using var greeted = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        greeted.Connect(farm.FileAddress);
        Assert.True(greeted.TrySend("HELLO"u8.ToArray(), "3"u8.ToArray()));
        Assert.True(greeted.WaitReadable(Waiting.Limit));
        foreach (var frames in Garbage()) Assert.True(greeted.TrySend([.. frames]));
        await farm.SendAsync(3, path);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.False(farm.Juggler.Completion.IsCompleted);
    }

    [Fact]
    public async Task Two_importers_at_once_do_not_collide()
    {
        await using var farm = await FarmBench.StartAsync();
        var (one, firstState) = farm.Wheel();
        var (two, secondState) = farm.Wheel(new WheelMaker("numpy", "2.1.0").With("more.txt", new byte[100_000]));
        var first = TransferOwner.Import(1);
        var second = TransferOwner.Import(2);

        await farm.Files.ExpectAsync(first, firstState).Within();
        var secondIsExpected = farm.Files.ExpectAsync(second, secondState);
        Assert.False(secondIsExpected.IsCompleted);
        await farm.SendAsync(0, one);
        await secondIsExpected.Within();
        await farm.SendAsync(0, two);

        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(second, Numpy).Within());
        Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(first, Numpy).Within());
        await farm.RecordAsync(firstState, secondState);
        await farm.Files.PublishAsync(second).Within();
        await farm.Files.PublishAsync(first).Within();
        Assert.Equal(4, farm.OutputFiles().Count);
    }

    [Fact]
    public async Task An_import_whose_sender_never_comes_holds_up_the_next_for_a_while_only()
    {
        await using var farm = await FarmBench.StartAsync();
        var state = farm.Wheel().State;
        await farm.Files.ExpectAsync(TransferOwner.Import(1), state).Within();
        var second = farm.Files.ExpectAsync(TransferOwner.Import(2), state);
        var third = farm.Files.ExpectAsync(TransferOwner.Import(3), state);
        // Behind them in the queue: when it is answered they wait
        await farm.Files.ForgetAsync(Slave3).Within();

        farm.Bed.Time.Advance(TransferTable.ImportComesWithin);
        await second.Within();
        Assert.False(third.IsCompleted);
        await farm.Files.ForgetAsync(TransferOwner.Import(2)).Within();
        await third.Within();
    }

    [Fact]
    public async Task Both_loopbacks_are_answered()
    {
        await using var farm = await FarmBench.StartAsync();
        var (path, state) = farm.Wheel();
        var addresses = FarmBench.TcpAddresses(farm.Juggler).ToList();
        Assert.Equal(LoopbackAddresses.Of("tcp://*:1").Count, addresses.Count);
        foreach (var address in addresses)
        {
            await farm.Files.ExpectAsync(Slave3, state).Within();
            await farm.Sender().SendAsync(address, 3, path).Within();
            Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        }
    }

    [Fact]
    public async Task The_disk_is_told_to_the_statistics()
    {
        await using var farm = await FarmBench.StartAsync();

        Assert.Equal(
            new StatsMessage.Disk(1L << 40, farm.DiskFree),
            await farm.Stats.NextAsync(message => message is StatsMessage.Disk));
    }

    private static WheelMaker Maker(string name, string version) => new("numpy", "2.1.0", "cp311-cp311-linux_armv7l")
    {
        Metadata = $"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    };

    private static IEnumerable<ReadOnlyMemory<byte>[]> Garbage()
    {
        string[][] texts =
        [
            [""], ["", ""], ["HELLO"], ["HELLO", ""], ["HELLO", "-3"], ["HELLO", "3 "],
            ["HELLO", "99999999999999999999"],
            ["HELLO", "4294967299"], ["HELLO", "0"], ["HELLO", "3", "3"], ["hello", "3"], ["CHUNK"], ["CHUNK", "0"],
            ["CHUNK", "x", "y"], ["CHUNK", "-1", "y"], ["CHUNK", "9223372036854775807", "y"],
            ["CHUNK", "9223372036854775808", "y"], ["CHUNK", "0", ""], ["CHUNK", "0", "short"],
            ["CHUNK", "0", "y", "z"],
            ["FETCH", "0", "1"], ["DONE"], ["", "HELLO", "3"], [.. Enumerable.Repeat("x", 40)],
        ];
        foreach (var text in texts)
        {
            yield return [.. text.Select(frame => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(frame))];
        }
    }
}
