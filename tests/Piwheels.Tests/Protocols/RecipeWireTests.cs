using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Protocols;

/// <summary>What this program's masters and slaves say to each other alone: the refused shapes beside the passed over.</summary>
public sealed class RecipeWireTests
{
    private static readonly Release Lxml = new(PackageName.Parse("lxml"), "5.3.0");

    [Fact]
    public void Keys_of_a_newer_peer_are_passed_over()
    {
        var build = Assert.IsType<SlaveReply.Build>(SlaveReply.Read(Message("BUILD", writer =>
        {
            writer.WriteStartArray(3);
            writer.WriteTextString("lxml");
            writer.WriteTextString("5.3.0");
            writer.WriteStartMap(3);
            writer.WriteTextString("future");
            writer.WriteStartArray(2);
            writer.WriteStartMap(1);
            writer.WriteTextString("deep");
            writer.WriteNull();
            writer.WriteEndMap();
            writer.WriteInt32(7);
            writer.WriteEndArray();
            writer.WriteTextString("memory");
            writer.WriteInt64(1L << 30);
            writer.WriteTextString("also");
            writer.WriteByteString([1, 2]);
            writer.WriteEndMap();
            writer.WriteEndArray();
        })));
        Assert.Equal(new SlaveReply.Build(Lxml, new Recipe { Memory = 1L << 30 }), build);
    }

    [Fact]
    public void A_recipe_of_nothing_known_is_one_that_changes_nothing() => Assert.Equal(
        new SlaveReply.Build(Lxml, Recipe.None),
        SlaveReply.Read(Build(static writer =>
        {
            writer.WriteStartMap(1);
            writer.WriteTextString("future");
            writer.WriteInt32(1);
            writer.WriteEndMap();
        })));

    public static TheoryData<string> Refused() => [.. Shapes.Keys];

    private static readonly Dictionary<string, byte[]> Shapes = new()
    {
        ["a recipe that is a text"] = Build(static writer => writer.WriteTextString("fast")),
        ["a recipe that is a list"] = Build(static writer => writer.WriteTexts([])),
        ["a recipe that is null"] = Build(static writer => writer.WriteNull()),
        ["a number as a key"] = Build(static writer => Map(writer, 1, static w => { w.WriteInt32(1); w.WriteInt32(1); })),
        ["variables that are a list"] = Build(With("environment", static w => w.WriteTexts(["A=1"]))),
        ["a variable that is a number"] = Build(With("environment", static w => Map(w, 1, static m =>
        {
            m.WriteTextString("A");
            m.WriteInt32(1);
        }))),
        ["arguments that are a text"] = Build(With("pip-arguments", static w => w.WriteTextString("--verbose"))),
        ["too many arguments"] = Build(With(
            "pip-arguments", static w => w.WriteTexts([.. Enumerable.Repeat("-v", WireLimits.RecipeEntriesMax + 1)]))),
        ["an argument too long"] = Build(With("pip-arguments", static w => w.WriteTexts([new string('x', 10_001)]))),
        ["a time that is none"] = Build(With("timeout", static w => w.WriteInt32(3))),
        ["negative memory"] = Build(With("memory", static w => w.WriteInt64(-1))),
        ["an unknown network"] = Build(With("network", static w => w.WriteTextString("some"))),
        ["a patch without its text"] = Build(With("patch", static w => w.WriteTexts(["x.patch"]))),
        ["a patch too large"] = Build(With(
            "patch", static w => w.WriteTexts(["x.patch", new string('x', WireLimits.PatchLengthMax + 1)]))),
        ["a patch with NUL"] = Build(With("patch", static w => w.WriteTexts(["x.patch", "a\0b"]))),
        ["a key that comes twice"] = Build(static writer => Map(writer, 2, static w =>
        {
            w.WriteTextString("memory");
            w.WriteInt32(1);
            w.WriteTextString("memory");
            w.WriteInt32(2);
        })),
        ["too many keys"] = Build(static writer => Map(writer, WireLimits.ExtensionKeysMax + 1, static w =>
        {
            for (var i = 0; i <= WireLimits.ExtensionKeysMax; i++)
            {
                w.WriteTextString($"key{i}");
                w.WriteInt32(i);
            }
        })),
        ["a fourth item"] = Message("BUILD", static w => w.WriteTexts(["lxml", "5.3.0", "x", "y"])),
        ["questions that are a list"] = Message("ASK", static w => w.WriteTexts(["libxml2-dev"])),
        ["a package that is a number"] = Message("ASK", With("apt", static w =>
        {
            w.WriteStartArray(1);
            w.WriteInt32(1);
            w.WriteEndArray();
        })),
        ["a package's name that is too long"] = Message("ASK", With("apt", static w => w.WriteTexts([new string('x', 101)]))),
        ["too many packages"] = Message(
            "ASK", With("apt", static w => w.WriteTexts([.. Enumerable.Repeat("x", WireLimits.AptPackagesMax + 1)]))),
        ["questions without any"] = Message("ASK", static w => w.WriteNull()),
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_has_another_shape_is_refused(string shape) =>
        Assert.Throws<WireException>(() => SlaveReply.Read(Shapes[shape]));

    [Fact]
    public void Facts_of_another_shape_are_refused()
    {
        Assert.Throws<WireException>(() => SlaveRequest.Read(Message("FACTS", static w => w.WriteTexts(["libxml2-dev"]))));
        Assert.Throws<WireException>(() => SlaveRequest.Read(Message(
            "FACTS", With("apt", static w => w.WriteTexts([.. Enumerable.Repeat("x", WireLimits.AptPackagesMax + 1)])))));
        var bare = new CborWriter();
        bare.WriteTextString("FACTS");
        Assert.Throws<WireException>(() => SlaveRequest.Read(bare.Encode()));
    }

    [Fact]
    public void Nothing_new_is_said_to_a_peer_that_knows_nothing_of_it()
    {
        foreach (var vector in WireVector.All.Where(vector => vector.Message is "ACK" or "BUILD" && vector.Data!.AsArray().Count == 2))
            Assert.Equal(vector.Cbor, vector.Set.Write(vector.Set.Read(vector.Cbor)));
        Assert.Equal(
            WireSet.Public.Single(set => set.Type == typeof(SlaveReply)).Write(new SlaveReply.Build(Lxml)),
            Message("BUILD", static w => w.WriteTexts(["lxml", "5.3.0"])));
    }

    private static byte[] Build(Action<CborWriter> recipe) => Message("BUILD", writer =>
    {
        writer.WriteStartArray(3);
        writer.WriteTextString("lxml");
        writer.WriteTextString("5.3.0");
        recipe(writer);
        writer.WriteEndArray();
    });

    private static Action<CborWriter> With(string key, Action<CborWriter> value) => writer => Map(writer, 1, w =>
    {
        w.WriteTextString(key);
        value(w);
    });

    private static void Map(CborWriter writer, int count, Action<CborWriter> entries)
    {
        writer.WriteStartMap(count);
        entries(writer);
        writer.WriteEndMap();
    }

    private static byte[] Message(string name, Action<CborWriter> data)
    {
        // Lax: a test may write what no strict writer lets it
        var writer = new CborWriter(CborConformanceMode.Lax);
        writer.WriteStartArray(2);
        writer.WriteTextString(name);
        data(writer);
        writer.WriteEndArray();
        return writer.Encode();
    }
}
