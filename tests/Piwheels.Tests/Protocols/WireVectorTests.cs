using System.Text.Json.Nodes;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Protocols;

/// <summary>What the Python programs write is understood, and written again byte for byte.</summary>
public sealed class WireVectorTests
{
    /// <summary>
    /// Read in both forms, written in one: no data within SLAVE is tag 2002 in what the master sends, and plain null
    /// where it tells of a slave that it has not heard of for too long.
    /// </summary>
    private static bool HasTwoForms(WireVector vector) =>
        vector is { Queue: "status", Message: "SLAVE", Data: JsonArray { Count: 4 } data } &&
        (string)data[2]! is "DONE" or "DIE" && data[3] is null;

    [Fact]
    public void Every_message_of_Python_is_read_as_what_it_says()
    {
        var problems = WireVector.All.Select(vector =>
        {
            var message = vector.Set.Read(vector.Cbor);
            var expected = HasTwoForms(vector) ? WithNoData(vector.Data!) : vector.Data;
            var data = WireData.Of(message);
            return JsonNode.DeepEquals(data, expected) ? null : $"{vector}: {data?.ToJsonString()}";
        }).OfType<string>().ToList();
        Assert.Empty(problems);
    }

    [Fact]
    public void Every_message_of_Python_is_written_again_byte_for_byte()
    {
        var problems = WireVector.All.Where(vector => !HasTwoForms(vector)).Select(vector =>
        {
            var written = vector.Set.Write(vector.Set.Read(vector.Cbor));
            return written.AsSpan().SequenceEqual(vector.Cbor) ? null : $"{vector}: {Convert.ToHexString(written)}";
        }).OfType<string>().ToList();
        Assert.Empty(problems);
    }

    [Fact]
    public void No_data_written_as_null_is_written_with_its_tag()
    {
        foreach (var vector in WireVector.All.Where(HasTwoForms))
        {
            var written = vector.Set.Write(vector.Set.Read(vector.Cbor));
            Assert.Equal([.. vector.Cbor[..^1], 0xd9, 0x07, 0xd2, 0xf6], written);
        }
    }

    [Fact]
    public void Every_message_of_the_public_queues_has_a_vector()
    {
        var seen = WireVector.All.Select(vector => vector.Set.Read(vector.Cbor)).ToList();
        var types = seen.Select(message => message.GetType())
            .Concat(seen.OfType<StatusMessage.Slave>().Select(slave => slave.Event.GetType()))
            .ToHashSet();
        var missing = WireSet.Public.SelectMany(set => set.Messages)
            .Concat(typeof(SlaveEvent).GetNestedTypes().Where(type => type.IsSubclassOf(typeof(SlaveEvent))))
            .Where(type => !types.Contains(type));
        Assert.Empty(missing);
    }

    [Fact]
    public void A_message_says_its_own_name() => Assert.All(WireVector.All, vector =>
        Assert.Equal(vector.Message, ((dynamic)vector.Set.Read(vector.Cbor)).Name));

    [Fact]
    public void The_form_of_file_states_is_remembered()
    {
        var forms = WireVector.All.Select(vector => vector.Set.Read(vector.Cbor))
            .Select(message => message switch
            {
                SlaveRequest.Built { Files.Count: > 0 } built => built.Form,
                ImportRequest.Import import => import.Form,
                _ => (FileStateForm?)null,
            }).OfType<FileStateForm>();
        Assert.Equal(
            [
                FileStateForm.WithLocation, FileStateForm.WithoutLocation,
                FileStateForm.WithLocation, FileStateForm.WithoutLocation,
            ],
            forms);
    }

    [Fact]
    public void File_states_are_written_in_either_form()
    {
        var built = WireVector.All.Where(vector => vector.Message == "BUILT").ToList();
        var (newer, older) = (built[0], built[1]);
        var message = (SlaveRequest.Built)newer.Set.Read(newer.Cbor);
        var shorter = message with { Files = [message.Files[0]], Form = FileStateForm.WithoutLocation };
        Assert.Equal(older.Cbor, newer.Set.Write(shorter));
    }

    private static JsonNode WithNoData(JsonNode data)
    {
        var copy = data.DeepClone();
        copy.AsArray()[3] = new JsonObject { ["$nodata"] = true };
        return copy;
    }
}
