namespace Piwheels.Logger.Formats;

/// <summary>One piece of a format: text that is the same in each line, a time, or a field.</summary>
internal abstract record FormatStep
{
    private FormatStep()
    {
    }

    public sealed record Literal(byte[] Text) : FormatStep;

    public sealed record Time(TimeFormat Format) : FormatStep;

    public sealed record Value(LogField Field) : FormatStep;
}
