using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Requests that TheSecretary passes on at once. Those that touch the same pages go one after the other, in the order
/// that they came; one that must be tried again keeps only these waiting, so that a log that a full disk does not take
/// leaves the way free for the deletion that makes room. For one thread.
/// </summary>
/// <param name="pass">Does a request; ends when it is done, or never will be.</param>
internal sealed class PassingRequests(Func<ScribeRequest, Task> pass)
{
    /// <summary>The most requests under way, and the most text in them, in characters.</summary>
    internal const int RequestsMax = 10_000;

    internal const long TextLengthMax = 256L * 1024 * 1024;

    private readonly Turns<string> _turns = new();
    private readonly Dictionary<string, Task> _waiting = new(StringComparer.Ordinal);
    private long _textLength;

    internal int Count { get; private set; }

    /// <summary>Whether one more can be taken.</summary>
    internal bool HasRoom => Count < RequestsMax && _textLength < TextLengthMax;

    /// <summary>Has a request done after those before it that touch the same.</summary>
    internal async Task PassAsync(ScribeRequest request)
    {
        var text = request is ScribeRequest.Log log ? log.Text.Length : 0;
        Count++;
        _textLength += text;
        try
        {
            await (request is ScribeRequest.Home or ScribeRequest.Search
                ? PassOnceAsync(request)
                : _turns.TakeAsync(LaneOf(request), () => pass(request)));
        }
        finally
        {
            Count--;
            _textLength -= text;
        }
    }

    // It says what is so when it is done: one that has not begun does for all who ask meanwhile
    private Task PassOnceAsync(ScribeRequest request)
    {
        if (_waiting.TryGetValue(request.Name, out var waiting)) return waiting;
        var begun = false;
        waiting = _turns.TakeAsync(LaneOf(request), () =>
        {
            begun = true;
            _waiting.Remove(request.Name);
            return pass(request);
        });
        if (!begun) _waiting.Add(request.Name, waiting);
        return waiting;
    }

    // No package's name has capitals
    private static string LaneOf(ScribeRequest request) => request switch
    {
        ScribeRequest.Log log => log.Package.Value,
        ScribeRequest.DeletePackage gone => gone.Package.Value,
        ScribeRequest.DeleteVersion gone => gone.Release.Package.Value,
        _ => request.Name,
    };
}
