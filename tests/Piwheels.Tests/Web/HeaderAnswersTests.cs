using Microsoft.Extensions.Primitives;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>What was read from headers, kept by their text.</summary>
public sealed class HeaderAnswersTests
{
    private readonly List<string> _read = [];
    private readonly HeaderAnswers<int> _answers;

    public HeaderAnswersTests() => _answers = new(header =>
    {
        _read.Add(header.ToString());
        return header.ToString().Length;
    });

    [Fact]
    public void A_header_is_read_once()
    {
        Assert.Equal([4, 2, 4], new[] { "gzip", "br", new string("gzip") }.Select(text => _answers.Of(text)));
        Assert.Equal(["gzip", "br"], _read);
    }

    [Fact]
    public void Clients_that_say_something_new_each_time_take_no_more_room_and_are_answered()
    {
        for (var number = 0; number < HeaderAnswers<int>.AnswersMax * 2; number++)
            Assert.Equal(5, _answers.Of($"{number:D5}"));
        _read.Clear();

        _answers.Of("00000");
        Assert.Empty(_read);
        _answers.Of($"{HeaderAnswers<int>.AnswersMax:D5}");
        Assert.Single(_read);
    }

    [Fact]
    public void What_is_long_or_comes_in_several_lines_is_read_each_time()
    {
        var large = new string('x', HeaderAnswers<int>.HeaderLengthMax + 1);
        foreach (var header in new StringValues[] { large, large, new(["a", "b"]), new(["a", "b"]), StringValues.Empty })
            Assert.Equal(header.ToString().Length, _answers.Of(header));
        Assert.Equal(5, _read.Count);
    }
}
