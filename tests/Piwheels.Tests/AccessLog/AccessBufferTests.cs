using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.States;
using Piwheels.Master.AccessLog;
using Xunit;

namespace Piwheels.Tests.AccessLog;

public sealed class AccessBufferTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly AccessBuffer _buffer = new(new FakeTimeProvider(Now));

    [Theory]
    [InlineData("192.0.2.1", 0, true)]
    [InlineData("2001:db8::1", -3000, true)]
    [InlineData("192.0.2.1", 1, true)]
    [InlineData("192.0.2.1", 1.1, false)]
    [InlineData("192.0.2.1", -3651, false)]
    [InlineData("localhost", 0, false)]
    [InlineData("", 0, false)]
    [InlineData("192.0.2.1, 192.0.2.2", 0, false)]
    public void Only_what_has_an_address_and_a_date_that_can_be_is_kept(string host, double days, bool kept)
    {
        Assert.Equal(kept, _buffer.Add(new PageState("home", host, Now.AddDays(days), "agent")) is null);
        Assert.Equal(kept ? 1 : 0, _buffer.Count);
    }

    [Fact]
    public void A_batch_is_of_one_kind()
    {
        for (var index = 0; index < 3; index++)
        {
            Add($"page{index}");
            _buffer.Add(new JsonState($"json{index}", "192.0.2.1", Now, "agent"));
        }

        Assert.False(_buffer.HasBatch);
        var batches = TakeAll();
        Assert.Equal(2, batches.Count);
        Assert.All(batches, batch => Assert.Single(batch.Accesses.Select(each => each.GetType()).Distinct()));
        Assert.Equal(0, _buffer.Count);
        Assert.Null(_buffer.Take());
    }

    [Fact]
    public void A_batch_is_there_as_soon_as_it_is_full()
    {
        for (var index = 0; index < AccessBuffer.BatchMax; index++)
        {
            Assert.False(_buffer.HasBatch);
            Add("home");
        }

        Assert.True(_buffer.HasBatch);
        Add("home");
        Assert.Equal([AccessBuffer.BatchMax, 1], TakeAll().Select(batch => batch.Accesses.Count));
    }

    [Fact]
    public void No_more_is_kept_than_said()
    {
        for (var index = 0; index < AccessBuffer.KeptMax; index++) Add("home");
        Assert.NotNull(_buffer.Add(new PageState("home", "192.0.2.1", Now, "agent")));
        _buffer.Take();
        Add("home");
    }

    [Fact]
    public void What_is_put_back_comes_first()
    {
        Add("first");
        var batch = _buffer.Take()!;
        Add("second");
        _buffer.PutBack(batch);
        Assert.Equal(2, _buffer.Count);
        Assert.Same(batch, _buffer.Take());
    }

    [Fact]
    public void Halving_what_is_refused_finds_the_one_that_is_to_blame()
    {
        for (var index = 0; index < 100; index++) Add($"page{index}");
        var written = new List<string>();
        var dropped = new List<string>();
        while (_buffer.Take() is { } batch)
        {
            var pages = batch.Accesses.Cast<PageState>().Select(each => each.Page).ToList();
            if (!pages.Contains("page42")) written.AddRange(pages);
            else if (!_buffer.PutBackHalved(batch)) dropped.AddRange(pages);
        }

        Assert.Equal(["page42"], dropped);
        Assert.Equal(99, written.Distinct().Count());
    }

    [Fact]
    public void A_batch_keeps_its_number_when_it_is_put_back_and_halves_have_new_ones()
    {
        for (var index = 0; index < 4; index++) Add($"page{index}");
        var batch = _buffer.Take()!;
        _buffer.PutBack(batch);
        Assert.Equal(batch.Request, _buffer.Take()!.Request);
        _buffer.PutBackHalved(batch);
        var halves = TakeAll().Select(half => half.Request).ToList();
        Assert.Equal(3, halves.Append(batch.Request).Distinct().Count());
    }

    private void Add(string page) => Assert.Null(_buffer.Add(new PageState(page, "192.0.2.1", Now, "agent")));

    private List<AccessBatch> TakeAll()
    {
        var batches = new List<AccessBatch>();
        while (_buffer.Take() is { } batch) batches.Add(batch);
        return batches;
    }
}
