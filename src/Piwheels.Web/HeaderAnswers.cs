using System.Collections.Concurrent;
using Microsoft.Extensions.Primitives;

namespace Piwheels.Web;

/// <summary>
/// What was read from a header, kept by its text: nearly all clients say one of a few, and reading that costs more than an
/// answer. Of those who say something new each time only the first have a place.
/// </summary>
internal sealed class HeaderAnswers<T>(Func<StringValues, T> read)
{
    internal const int AnswersMax = 256;
    internal const int HeaderLengthMax = 512;

    private readonly ConcurrentDictionary<string, T> _answers = new(StringComparer.Ordinal);
    private int _count;

    internal T Of(StringValues header)
    {
        if (header.Count != 1 || header[0] is not { Length: <= HeaderLengthMax } text) return read(header);
        if (_answers.TryGetValue(text, out var known)) return known;
        var answer = read(header);
        if (_count < AnswersMax && _answers.TryAdd(text, answer)) Interlocked.Increment(ref _count);
        return answer;
    }
}
