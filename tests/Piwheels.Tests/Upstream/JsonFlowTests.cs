using System.Text;
using System.Text.Json;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Reading JSON piece by piece, wherever the pieces end.</summary>
public sealed class JsonFlowTests
{
    private const string Sample =
        "\uFEFF {\"a\": \"x\\u00e4\\n\u20ac\", \"skip\": [1, {\"b\": [true, null, -1.5e3, \"\\\\\\\"\"]}, []], " +
        "\"list\": [\"1\", 2, \"3\"], \"none\": null, \"\u00fc\": {\"yes\": true, \"no\": false}} \n";

    /// <param name="piece">How many bytes the stream gives at a time.</param>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task It_is_read_alike_however_it_comes_in(int piece)
    {
        var json = await JsonFlow.OpenAsync(Bytes(Sample, piece), default);
        Assert.True(await json.EntersObjectAsync());
        Assert.Equal("a", await json.PropertyAsync());
        Assert.Equal("x\u00e4\n\u20ac", await json.TextAsync());
        Assert.Equal("skip", await json.PropertyAsync());
        await json.SkipAsync();
        Assert.Equal("list", await json.PropertyAsync());
        Assert.Equal(["1", "3"], await SimplePageJson.ReadTextsAsync(json, 10));
        Assert.Equal("none", await json.PropertyAsync());
        Assert.False(await json.EntersArrayAsync());
        Assert.Equal("\u00fc", await json.PropertyAsync());
        Assert.True(await json.EntersObjectAsync());
        Assert.Equal("yes", await json.PropertyAsync());
        Assert.True(json.IsTrue);
        Assert.Equal("no", await json.PropertyAsync());
        Assert.False(json.IsTrue);
        Assert.Null(await json.PropertyAsync());
        Assert.Null(await json.PropertyAsync());
        await json.EndAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{\"a\": ")]
    [InlineData("{\"a\": \"")]
    [InlineData("{\"a\": 1, }")]
    [InlineData("{\"a\": 1} 2")]
    [InlineData("{\"a\": 1}}")]
    [InlineData("{'a': 1}")]
    [InlineData("{\"a\": 1} // done")]
    public async Task What_is_no_JSON_is_a_fault(string text)
    {
        foreach (var piece in new[] { 1, 1000 })
            await Assert.ThrowsAnyAsync<JsonException>(() => SkipAllAsync(Bytes(text, piece)));
    }

    [Fact]
    public async Task What_is_nested_too_deeply_is_a_fault()
    {
        await SkipAllAsync(Bytes(Nested(64)));
        await Assert.ThrowsAnyAsync<JsonException>(() => SkipAllAsync(Bytes(Nested(65))));
        static string Nested(int depth) => new string('[', depth) + new string(']', depth);
    }

    [Theory]
    [InlineData("\"\\ud800\"")]
    [InlineData("\"\\udc00\\ud800\"")]
    public async Task A_text_with_half_a_character_is_none(string text)
    {
        var json = await JsonFlow.OpenAsync(Bytes(text), default);
        Assert.Null(await json.TextAsync());
        await json.EndAsync();
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_make_a_text_none()
    {
        var json = await JsonFlow.OpenAsync(new Pieces([(byte)'"', 0xC3, 0x28, (byte)'"'], 1000), default);
        Assert.Null(await json.TextAsync());
    }

    [Fact]
    public async Task A_long_text_is_read_whole_and_one_that_is_too_long_is_a_fault()
    {
        var json = await JsonFlow.OpenAsync(Bytes($"\"{new string('a', 1 << 20)}\"", 5000), default);
        Assert.Equal(1 << 20, (await json.TextAsync())!.Length);
        var endless = new EndlessStream("{\"a\": \"", "aaaa", long.MaxValue);
        await Assert.ThrowsAnyAsync<JsonException>(() => SkipAllAsync(endless));
        Assert.InRange(endless.Given, JsonFlow.TokenBytesMax, 4L * JsonFlow.TokenBytesMax);
    }

    /// <summary>100 MB of files, and the buffer is as large as it was at the beginning.</summary>
    [Fact]
    public async Task A_large_page_takes_no_more_memory_than_a_small_one()
    {
        const string File = "{\"filename\": \"x-1.0.tar.gz\", \"url\": \"x\", \"hashes\": {\"sha256\": \"00\"}},";
        var page = new EndlessStream("{\"releases\": [", File, 100 << 20);
        var json = await JsonFlow.OpenAsync(page, default);
        Assert.True(await json.EntersObjectAsync());
        Assert.NotNull(await json.PropertyAsync());
        await Assert.ThrowsAnyAsync<JsonException>(() => json.SkipAsync().AsTask());
        Assert.InRange(page.Given, 100 << 20, (100 << 20) + 1000);
        Assert.Equal(64 << 10, json.BufferBytes);
    }

    private static Pieces Bytes(string text, int piece = 1000) => new(Encoding.UTF8.GetBytes(text), piece);

    private static async Task SkipAllAsync(Stream stream)
    {
        var json = await JsonFlow.OpenAsync(stream, default);
        await json.SkipAsync();
        await json.EndAsync();
    }

    /// <summary>A stream that gives some bytes at a time.</summary>
    private sealed class Pieces(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
