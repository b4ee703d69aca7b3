using BenchmarkDotNet.Attributes;
using Piwheels.Core.Ranges;

namespace Piwheels.Bench.Functions;

/// <summary>What FileJuggler does with each chunk that arrives: a wheel of 64 MiB, in chunks of 64 KiB.</summary>
[MemoryDiagnoser]
public class Transfers
{
    private const int ChunkBytes = 64 * 1024;
    private const int Chunks = 1024;

    private static readonly ByteRange[] InOrder =
        [.. Enumerable.Range(0, Chunks).Select(n => new ByteRange((long)n * ChunkBytes, (long)(n + 1) * ChunkBytes))];

    // An odd step goes through all of a power of two, never to a neighbour
    private static readonly ByteRange[] Scattered =
        [.. Enumerable.Range(0, Chunks).Select(n => InOrder[n * 389 % Chunks])];

    [Benchmark(OperationsPerInvoke = Chunks)]
    public int Strike_out_a_chunk_that_comes_in_order() => StrikeOut(InOrder);

    [Benchmark(OperationsPerInvoke = Chunks)]
    public int Strike_out_a_chunk_that_comes_in_no_order() => StrikeOut(Scattered);

    private static int StrikeOut(ByteRange[] chunks)
    {
        IReadOnlyList<ByteRange> missing = [new ByteRange(0, (long)Chunks * ChunkBytes)];
        foreach (var chunk in chunks) missing = ByteRanges.Exclude(missing, chunk);
        return missing.Count;
    }
}
