using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Bytes that are no message, or nearly one.</summary>
public sealed class GarbageTests
{
    private static readonly byte[] Built = Encode(Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel)));

    [Fact]
    public async Task A_message_cut_short_at_any_byte_is_answered_by_die()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        for (var length = 0; length < Built.Length; length++)
        {
            stranger.Say(Built.AsMemory(0, length));
            Assert.IsType<SlaveReply.Die>(stranger.Hear());
        }

        Assert.Empty(farm.Bench.Database.Builds);
        await farm.EndAsync();
    }

    [Fact]
    public async Task A_message_with_any_bit_turned_never_stops_the_master()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        for (var bit = 0; bit < Built.Length * 8; bit++)
        {
            var turned = Built.ToArray();
            turned[bit / 8] ^= (byte)(1 << (bit % 8));
            while (!stranger.TrySay(turned)) stranger.Hear();
        }

        Assert.Empty(farm.Bench.Database.Builds);
        await farm.EndAsync();
    }

    public static TheoryData<string, string> Shapes => new()
    {
        { "an array of 2^63 - 1 items", "9b7fffffffffffffff" },
        { "a text of 2^63 - 1 bytes", "7b7fffffffffffffff" },
        { "bytes without an end", "5f" },
        { "a thousand arrays in each other", string.Concat(Enumerable.Repeat("81", 1000)) },
        { "a thousand tags in each other", string.Concat(Enumerable.Repeat("c1", 1000)) },
        { "a text that is no UTF-8", "64ff484c4f" },
        { "HELLO with nothing", "6548454c4c4f" },
        { "HELLO with null", "826548454c4c4ff6" },
        { "HELLO with itself", "826548454c4c4f6548454c4c4f" },
        { "BUILT with a map that has a key twice", "82654255494c54a2616101616102" },
        { "SENT with data", "826453454e54f6" },
        { "a map in place of a message", "a0" },
        { "two messages", "63425945" + "63425945" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_wrong_shape_costs_who_sends_it_its_build(string what, string payload)
    {
        Assert.NotEmpty(what);
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();

        attacker.Say(Convert.FromHexString(payload));

        Assert.IsType<SlaveReply.Die>(attacker.Hear());
        attacker.AssertReply<SlaveReply.Die>(Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel)));
        Assert.Empty(farm.Bench.Database.Builds);
        await farm.EndAsync();
    }

    [Fact]
    public async Task Garbage_is_one_line_in_the_log_however_much_there_is()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        for (var count = 0; count < 2_000; count++)
        {
            stranger.Say(new byte[] { 0xff });
            Assert.IsType<SlaveReply.Die>(stranger.Hear());
        }

        Assert.Single(farm.Bench.Log.Entries, line => line.Message.Contains("dropped a message", StringComparison.Ordinal));
        await farm.EndAsync();
    }

    private static byte[] Encode(SlaveRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        return writer.Encode();
    }
}
