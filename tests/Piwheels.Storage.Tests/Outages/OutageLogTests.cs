using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

public sealed class OutageLogTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly RecordedLog _lines = new();
    private readonly OutageLog _log;

    public OutageLogTests() => _log = new OutageLog(_lines.CreateLogger("database"), _time);

    public void Dispose() => _lines.Dispose();

    [Fact]
    public void One_line_says_that_it_is_away_and_one_that_it_is_back()
    {
        _log.Failed("connection refused");
        for (var second = 0; second < 60; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _log.Failed("connection refused");
        }

        _time.Advance(OutageLog.SteadyAfter);
        _log.Answered();
        _log.Answered();
        Assert.Equal(
            [
                "the database is away, and will be asked again until it is back: connection refused",
                "the database is back after 60 s, in which 61 requests had to be asked again",
            ],
            _lines.Entries.Select(line => line.Message));
        Assert.All(_lines.Entries, line => Assert.Equal(LogLevel.Warning, line.Level));
    }

    [Fact]
    public void A_server_that_answers_some_and_refuses_others_is_still_away()
    {
        for (var turn = 0; turn < 20; turn++)
        {
            _log.Failed("sorry, too many clients already");
            _log.Answered();
            _time.Advance(OutageLog.SteadyAfter - TimeSpan.FromSeconds(1));
            _log.Answered();
        }

        Assert.Single(_lines.Entries);
    }

    [Fact]
    public void The_next_outage_is_told_of_again()
    {
        for (var outage = 0; outage < 3; outage++)
        {
            _log.Failed("gone");
            _time.Advance(OutageLog.SteadyAfter);
            _log.Answered();
        }

        Assert.Equal(6, _lines.Entries.Count);
        Assert.EndsWith("in which 1 requests had to be asked again", _lines.Entries[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void While_all_is_well_nothing_is_said()
    {
        _log.Answered();
        Assert.Empty(_lines.Entries);
    }
}
