using System.Formats.Cbor;
using BenchmarkDotNet.Attributes;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Bench.Functions;

/// <summary>What TheArchitect pushes to SlaveDriver: a thousand releases for each of three targets.</summary>
[MemoryDiagnoser]
public class BuildQueue
{
    private const int Releases = 1000;

    private readonly CborWriter _writer = new(CborConformanceMode.Lax);

    private BuildQueueMessage _queue = null!;
    private byte[] _payload = [];

    [GlobalSetup]
    public void Setup()
    {
        _queue = new BuildQueueMessage.Queue(new[] { "cp39", "cp311", "cp313" }.ToDictionary(
            abi => new Target(abi, "linux_armv7l"),
            abi => (IReadOnlyList<Release>)[
                .. Enumerable.Range(0, Releases).Select(n =>
                    new Release(PackageName.Parse($"project-{abi}-{n:x}"), $"1.{n}"))]));
        _queue.Write(_writer);
        _payload = _writer.Encode();
        _writer.Reset();
    }

    [Benchmark]
    public int Write_the_heads_of_three_queues()
    {
        _queue.Write(_writer);
        var length = _writer.BytesWritten;
        _writer.Reset();
        return length;
    }

    [Benchmark]
    public BuildQueueMessage Read_the_heads_of_three_queues() => BuildQueueMessage.Read(_payload);
}
