using System.Globalization;
using System.Text.Json.Serialization;

namespace Piwheels.Bench.Measuring;

/// <summary>What one measurement found.</summary>
/// <param name="Name">What was measured, in words; the same in every run.</param>
/// <param name="Unit">"ms", less is better, or "/s", more is better.</param>
/// <param name="Limit">The least that any program could take, measured in the same run; null without one.</param>
/// <param name="LimitIs">What that was.</param>
/// <param name="MayGrow">Whether the figure may be worse in a larger database.</param>
/// <param name="Note">What else is to be known.</param>
internal sealed record Figure(
    string Name,
    string Unit,
    double Median,
    double P10,
    double P90,
    double? Limit,
    string? LimitIs,
    Goal? Goal,
    bool MayGrow = false,
    string? Note = null)
{
    public const string Milliseconds = "ms";
    public const string PerSecond = "/s";

    /// <summary>How many times worse than the limit.</summary>
    public double? Times => Limit is not { } limit ? null : Unit == PerSecond ? limit / Median : Median / limit;

    /// <summary>Whether the goal is reached; null without one.</summary>
    public bool? Met => Goal?.IsMet(this);

    public static Figure Time(
        string name, Spread milliseconds, Spread? limit = null, string? limitIs = null, Goal? goal = null,
        bool mayGrow = false, string? note = null) =>
        new(name, Milliseconds, milliseconds.Median, milliseconds.P10, milliseconds.P90, limit?.Median, limitIs, goal,
            mayGrow, note);

    public static Figure Rate(
        string name, Spread perSecond, Spread? limit = null, string? limitIs = null, Goal? goal = null,
        string? note = null) =>
        new(name, PerSecond, perSecond.Median, perSecond.P10, perSecond.P90, limit?.Median, limitIs, goal, false, note);
}

/// <summary>What a figure shall be.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GoalKind>))]
internal enum GoalKind
{
    /// <summary>At most this many times as bad as the limit.</summary>
    TimesLimit,

    /// <summary>At most this many milliseconds.</summary>
    AtMost,

    /// <summary>At least this many a second.</summary>
    AtLeast,
}

/// <summary>What a figure shall be.</summary>
internal sealed record Goal(GoalKind Kind, double Value)
{
    public static Goal TimesLimit(double times) => new(GoalKind.TimesLimit, times);

    public static Goal AtMost(double milliseconds) => new(GoalKind.AtMost, milliseconds);

    public static Goal AtLeast(double perSecond) => new(GoalKind.AtLeast, perSecond);

    public bool IsMet(Figure figure) => Kind switch
    {
        GoalKind.TimesLimit => figure.Times <= Value,
        GoalKind.AtMost => figure.Median <= Value,
        _ => figure.Median >= Value,
    };

    public override string ToString() => Kind switch
    {
        GoalKind.TimesLimit => string.Create(CultureInfo.InvariantCulture, $"<= {Value} x"),
        GoalKind.AtMost => $"<= {Show.Number(Value)} ms",
        _ => $">= {Show.Number(Value)}/s",
    };
}

/// <summary>How values lie: the middle one, and those that a tenth is below and above.</summary>
internal readonly record struct Spread(double Median, double P10, double P90)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return new Spread(At(sorted, 0.5), At(sorted, 0.1), At(sorted, 0.9));
    }

    /// <summary>A value at a share of the way through sorted ones.</summary>
    public static double At(List<double> sorted, double share)
    {
        var at = share * (sorted.Count - 1);
        var below = sorted[(int)Math.Floor(at)];
        var above = sorted[(int)Math.Ceiling(at)];
        return below + (above - below) * (at - Math.Floor(at));
    }
}

/// <summary>Figures as people read them.</summary>
internal static class Show
{
    /// <summary>Three digits that count, thousands set apart.</summary>
    public static string Number(double value) => Math.Abs(value) switch
    {
        0 => "0",
        < 10 => value.ToString("0.##", CultureInfo.InvariantCulture),
        < 100 => value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.ToString("#,0", CultureInfo.InvariantCulture),
    };
}
