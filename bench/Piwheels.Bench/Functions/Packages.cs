using System.Formats.Cbor;
using BenchmarkDotNet.Attributes;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Bench.Functions;

/// <summary>The largest answer of the database on its way through the master: the search index of PyPI.</summary>
[MemoryDiagnoser]
public class Packages
{
    private const int Count = 740_000;

    private readonly CborWriter _writer = new(CborConformanceMode.Lax);

    private DbReply _reply = null!;
    private byte[] _payload = [];

    [GlobalSetup]
    public void Setup()
    {
        _reply = new DbReply.Search(SearchIndex.Of(Enumerable.Range(0, Count).Select(n =>
            new SearchEntry(PackageName.Parse($"project-{n:x}"), n % 1000, n * 10L))));
        _reply.Write(_writer);
        _payload = _writer.Encode();
        _writer.Reset();
    }

    [Benchmark]
    public int Write_the_search_index()
    {
        _reply.Write(_writer);
        var length = _writer.BytesWritten;
        _writer.Reset();
        return length;
    }

    [Benchmark]
    public DbReply Read_the_search_index() => DbReply.Read(_payload);
}
