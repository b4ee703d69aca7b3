using System.Text;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Zmq;
using Xunit;

namespace Piwheels.Tests.Packages;

public sealed class WaitingRequestsTests
{
    private readonly WaitingRequests _waiting = new();

    [Fact]
    public void Clients_take_turns()
    {
        foreach (var request in new[] { "a1", "a2", "a3", "b1", "c1", "c2" })
        {
            Assert.True(_waiting.TryAdd(Request(request)));
        }

        Assert.Equal(["a1", "b1", "c1", "a2", "c2", "a3"], TakeAll());
        Assert.Equal(0, _waiting.Count);
    }

    [Fact]
    public void A_client_that_comes_again_is_at_the_end()
    {
        _waiting.TryAdd(Request("a1"));
        _waiting.TryAdd(Request("b1"));
        Assert.Equal("a1", Text(_waiting.Take()));
        _waiting.TryAdd(Request("a2"));
        Assert.Equal(["b1", "a2"], TakeAll());
    }

    [Fact]
    public void No_more_than_the_limit_wait()
    {
        for (var count = 0; count < WaitingRequests.CountMax; count++)
        {
            Assert.True(_waiting.TryAdd(Request($"{(char)('a' + count % 20)}{count}")));
        }

        Assert.False(_waiting.TryAdd(Request("a-too-many")));
        _waiting.Take();
        Assert.True(_waiting.TryAdd(Request("a-again")));
    }

    private List<string> TakeAll()
    {
        var taken = new List<string>();
        while (_waiting.Take() is { } request) taken.Add(Text(request));
        return taken;
    }

    private static string Text(WaitingRequest? request) => Encoding.ASCII.GetString(request!.Payload.Span);

    /// <summary>Its first letter is the client.</summary>
    private static WaitingRequest Request(string text) => new(
        new PeerAddress(Encoding.ASCII.GetBytes(text[..1])), new byte[8], Encoding.ASCII.GetBytes(text), default);
}
