using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Messaging.Cbor;

/// <summary>
/// How a farm is: <c>[started, paused, disk low, database trouble, [[abi, platform, count]], {phase: count}, [[serial, lag,
/// lag]], [stats]]</c>, the last two being lists of one or of nothing.
/// </summary>
internal static class FarmRows
{
    private const int PhasesMax = 20;

    public static FarmState Read(WireReader reader)
    {
        reader.StartRecord("farm");
        var state = new FarmState(
            reader.Timestamp("started"),
            reader.Boolean("paused"),
            reader.Boolean("disk low"),
            reader.Text("database trouble", WireLimits.LongTextLengthMax),
            reader.List("queue", WireLimits.TargetsMax, ReadWaiting),
            reader.Map("slaves", PhasesMax, static r => r.Size("count")),
            reader.List("upstream", 1, ReadUpstream).FirstOrDefault(),
            reader.List("stats", 1, MachineStates.ReadMasterStats).FirstOrDefault());
        reader.EndRecord("farm");
        return state;
    }

    public static void Write(CborWriter writer, FarmState state)
    {
        writer.WriteStartArray(8);
        writer.WriteTimestamp(state.Started);
        writer.WriteBoolean(state.Paused);
        writer.WriteBoolean(state.DiskLow);
        writer.WriteTextString(state.DatabaseTrouble);
        writer.WriteStartArray(state.Queue.Count);
        foreach (var waiting in state.Queue)
        {
            writer.WriteStartArray(3);
            writer.WriteTextString(waiting.Target.Abi);
            writer.WriteTextString(waiting.Target.Platform);
            writer.WriteInt64(waiting.Count);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteCountsByAbi(state.Slaves);
        writer.WriteStartArray(state.Upstream is null ? 0 : 1);
        if (state.Upstream is { } upstream)
        {
            writer.WriteStartArray(3);
            writer.WriteInt64(upstream.Serial);
            writer.WriteInt64(upstream.LagSerials);
            writer.WriteDuration(upstream.Lag);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteStartArray(state.Stats is null ? 0 : 1);
        if (state.Stats is { } stats) writer.Write(stats);
        writer.WriteEndArray();
        writer.WriteEndArray();
    }

    private static WaitingReleases ReadWaiting(WireReader reader)
    {
        reader.StartRecord("waiting");
        var waiting = new WaitingReleases(
            new Target(reader.Text("abi", WireLimits.TextLengthMax), reader.Text("platform", WireLimits.TextLengthMax)),
            reader.Size("count"));
        reader.EndRecord("waiting");
        return waiting;
    }

    private static UpstreamState ReadUpstream(WireReader reader)
    {
        reader.StartRecord("upstream");
        var upstream = new UpstreamState(reader.Size("serial"), reader.Size("lag"), reader.Duration("lag"));
        reader.EndRecord("upstream");
        return upstream;
    }
}
