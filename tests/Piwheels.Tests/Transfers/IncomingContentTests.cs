using System.Security.Cryptography;
using Piwheels.Core.States;
using Piwheels.Master.Transfers;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class IncomingContentTests : IDisposable
{
    private const int Chunks = 40;
    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((TransferState.ChunkBytes * Chunks) - 1_000);
    private static readonly string HashOfBytes = Convert.ToHexStringLower(SHA256.HashData(Bytes));

    private readonly TemporaryFolder _folder = new();
    private readonly IncomingContent _content;

    public IncomingContentTests() =>
        _content = new IncomingContent(new TemporaryFile(Path.Combine(_folder.Path, "content")));

    public void Dispose()
    {
        _content.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void In_order_the_hash_is_known_with_the_last_chunk()
    {
        for (var chunk = 0; chunk < Chunks; chunk++)
        {
            Assert.False(_content.IsHashed(Bytes.Length));
            Write(chunk);
        }

        Assert.True(_content.IsHashed(Bytes.Length));
        Assert.Equal(HashOfBytes, _content.Hash());
        Assert.Equal(HashOfBytes, _content.Hash());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void In_any_order_the_hash_is_right_in_the_end(int seed)
    {
        var order = Enumerable.Range(0, Chunks).ToArray();
        new Random(seed).Shuffle(order);

        foreach (var chunk in order) Write(chunk);

        Assert.Equal(HashOfBytes, _content.Hash());
        using var written = _content.File.OpenRead();
        Assert.Equal(HashOfBytes, Convert.ToHexStringLower(SHA256.HashData(written)));
    }

    [Fact]
    public void The_first_chunk_after_all_others_does_not_have_the_whole_file_read_at_once()
    {
        for (var chunk = 1; chunk < Chunks; chunk++) Write(chunk);

        Write(0);

        Assert.False(_content.IsHashed(Bytes.Length));
        Assert.True(_content.IsHashed((IncomingContent.ReadBackMax + 1) * TransferState.ChunkBytes));
        Assert.Equal(HashOfBytes, _content.Hash());
    }

    private void Write(int chunk)
    {
        var offset = chunk * TransferState.ChunkBytes;
        _content.Write(offset, Bytes.AsSpan(offset, Math.Min(TransferState.ChunkBytes, Bytes.Length - offset)));
    }
}
