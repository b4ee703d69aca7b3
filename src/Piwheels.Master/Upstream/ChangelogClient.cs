using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Piwheels.Master.Upstream;

/// <summary>A batch of the change log.</summary>
/// <param name="Misshapen">How many rows were left out since they were no events.</param>
public sealed record ChangelogBatch(IReadOnlyList<PypiEvent> Events, int Misshapen);

/// <summary>
/// Asks the index for its change log (PyPI's XML-RPC API), not more often than the limits say. Safe from any thread.
/// </summary>
public sealed class ChangelogClient(IndexConnection connection, Uri endpoint)
{
    private readonly Lock _lock = new();
    private long _due = long.MinValue;

    /// <summary>The events after a serial, in serial order, as many as the index likes to give at once.</summary>
    public Task<Fetched<ChangelogBatch>> SinceAsync(long serial, CancellationToken ct)
    {
        var parameter = $"<param><value><int>{serial.ToString(CultureInfo.InvariantCulture)}</int></value></param>";
        return CallAsync("changelog_since_serial", parameter, Batch, ct);
    }

    /// <summary>The serial of the newest event.</summary>
    public Task<Fetched<long>> LastSerialAsync(CancellationToken ct) =>
        CallAsync("changelog_last_serial", "", Number, ct);

    private static Fetched<ChangelogBatch> Batch(XmlRpcAnswer answer) => answer switch
    {
        XmlRpcAnswer.Rows { Events.Count: 0, Misshapen: > 0 } rows =>
            new Fetched<ChangelogBatch>.Unusable($"none of its {rows.Misshapen:N0} rows is an event"),
        XmlRpcAnswer.Rows rows =>
            new Fetched<ChangelogBatch>.Found(new ChangelogBatch(rows.Events, rows.Misshapen)),
        _ => new Fetched<ChangelogBatch>.Unusable("it answered with a number"),
    };

    private static Fetched<long> Number(XmlRpcAnswer answer) => answer is XmlRpcAnswer.Number number
        ? new Fetched<long>.Found(number.Value)
        : new Fetched<long>.Unusable("it answered with rows");

    private async Task<Fetched<T>> CallAsync<T>(
        string method, string parameters, Func<XmlRpcAnswer, Fetched<T>> result, CancellationToken ct)
    {
        await PaceAsync(ct).ConfigureAwait(false);
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        {
            Content = new StringContent(
                $"<?xml version='1.0'?><methodCall><methodName>{method}</methodName>" +
                $"<params>{parameters}</params></methodCall>",
                Encoding.UTF8,
                new MediaTypeHeaderValue("text/xml")),
        };
        return await connection.SendAsync(
            request,
            connection.Limits.Changelog,
            async (response, _) =>
            {
                using var reader = new ChangelogReader(response.Body, connection.Limits.ChangelogBytesMax);
                var answer = await reader.ReadAsync().ConfigureAwait(false);
                return answer is XmlRpcAnswer.Fault fault ? Refusal<T>(fault) : result(answer);
            },
            ct).ConfigureAwait(false);
    }

    /// <summary>Waits until a call is due.</summary>
    private async Task PaceAsync(CancellationToken ct)
    {
        TimeSpan wait;
        lock (_lock)
        {
            var now = connection.Time.GetTimestamp();
            var start = Math.Max(now, _due);
            var interval = connection.Limits.ChangelogInterval.TotalSeconds * connection.Time.TimestampFrequency;
            _due = start + (long)interval;
            wait = connection.Time.GetElapsedTime(now, start);
        }

        if (wait > TimeSpan.Zero) await Task.Delay(wait, connection.Time, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// What PyPI says by a fault, being asked too often too: with HTTP's status 200, and when to come back in words.
    /// </summary>
    private static Fetched<T>.Away Refusal<T>(XmlRpcAnswer.Fault fault)
    {
        const string Before = "Limit may reset in ";
        var text = fault.Text.ReplaceLineEndings(" ");
        var at = text.IndexOf(Before, StringComparison.Ordinal);
        var digits = at < 0 ? "" : text[(at + Before.Length)..].Split(' ')[0];
        TimeSpan? retryAfter = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : null;
        return new Fetched<T>.Away($"it answered with fault {fault.Code}: {text}", retryAfter);
    }
}
