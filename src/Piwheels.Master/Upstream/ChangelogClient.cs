using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Piwheels.Master.Upstream;

/// <summary>A batch of the change log.</summary>
/// <param name="Misshapen">How many rows were left out since they were no events.</param>
public sealed record ChangelogBatch(IReadOnlyList<PypiEvent> Events, int Misshapen);

/// <summary>Asks the index for its change log (PyPI's XML-RPC API).</summary>
public sealed class ChangelogClient(IndexConnection connection, Uri endpoint)
{
    /// <summary>The events after a serial, in serial order, as many as the index likes to give at once.</summary>
    public Task<Fetched<ChangelogBatch>> SinceAsync(long serial, CancellationToken ct)
    {
        var parameter = $"<param><value><int>{serial.ToString(CultureInfo.InvariantCulture)}</int></value></param>";
        return CallAsync("changelog_since_serial", parameter, Batch, ct);
    }

    /// <summary>The serial of the newest event.</summary>
    public Task<Fetched<long>> LastSerialAsync(CancellationToken ct) =>
        CallAsync("changelog_last_serial", "", Number, ct);

    private static Fetched<ChangelogBatch> Batch(XmlRpcAnswer answer) => answer is XmlRpcAnswer.Rows rows
        ? new Fetched<ChangelogBatch>.Found(new ChangelogBatch(rows.Events, rows.Misshapen))
        : new Fetched<ChangelogBatch>.Unusable("it answered with a number");

    private static Fetched<long> Number(XmlRpcAnswer answer) => answer is XmlRpcAnswer.Number number
        ? new Fetched<long>.Found(number.Value)
        : new Fetched<long>.Unusable("it answered with rows");

    private async Task<Fetched<T>> CallAsync<T>(
        string method, string parameters, Func<XmlRpcAnswer, Fetched<T>> result, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        {
            Content = new StringContent(
                $"<?xml version='1.0'?><methodCall><methodName>{method}</methodName>" +
                $"<params>{parameters}</params></methodCall>",
                Encoding.UTF8,
                new MediaTypeHeaderValue("text/xml")),
        };
        var limits = connection.Limits;
        return await connection.SendAsync(
            request,
            limits.ChangelogBytesMax,
            limits.ChangelogTimeout,
            async (response, _) =>
            {
                using var reader = new ChangelogReader(response.Body, limits.ChangelogBytesMax);
                var answer = await reader.ReadAsync().ConfigureAwait(false);
                // PyPI says by a fault, too, that it is asked too often
                return answer is XmlRpcAnswer.Fault fault
                    ? new Fetched<T>.Away($"it answered with fault {fault.Code}: {fault.Text.ReplaceLineEndings(" ")}")
                    : result(answer);
            },
            ct).ConfigureAwait(false);
    }
}
