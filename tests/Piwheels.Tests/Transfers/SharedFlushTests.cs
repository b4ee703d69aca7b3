using Piwheels.Master.Transfers;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Transfers;

/// <summary>Flushes that many wait for at a time.</summary>
public sealed class SharedFlushTests : IDisposable
{
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _mayEnd = new(0);
    private int _flushes;

    public void Dispose()
    {
        _begun.Dispose();
        _mayEnd.Dispose();
    }

    [Fact]
    public async Task Those_who_come_while_one_is_under_way_share_the_next()
    {
        var flush = new SharedFlush(Flush);
        var first = flush.FlushAsync();
        await _begun.WaitAsync(TestContext.Current.CancellationToken);
        var later = Enumerable.Range(0, 10).Select(_ => flush.FlushAsync()).ToList();

        _mayEnd.Release();
        await first.Within();
        await _begun.WaitAsync(TestContext.Current.CancellationToken);
        Assert.All(later, static each => Assert.False(each.IsCompleted));
        _mayEnd.Release();
        await Task.WhenAll(later).Within();

        Assert.Equal(2, _flushes);
    }

    [Fact]
    public async Task A_failure_is_told_to_those_who_waited_for_that_flush_alone()
    {
        var fails = true;
        var flush = new SharedFlush(() =>
        {
            Flush();
            if (fails) throw new IOException("no space left");
        });
        var first = flush.FlushAsync();
        await _begun.WaitAsync(TestContext.Current.CancellationToken);
        var second = flush.FlushAsync();

        _mayEnd.Release();
        await Assert.ThrowsAsync<IOException>(() => first.Within());
        await _begun.WaitAsync(TestContext.Current.CancellationToken);
        fails = false;
        _mayEnd.Release(2);
        await second.Within();
        await flush.FlushAsync().Within();

        Assert.Equal(3, _flushes);
    }

    private void Flush()
    {
        _flushes++;
        _begun.Release();
        _mayEnd.Wait(TestContext.Current.CancellationToken);
    }
}
