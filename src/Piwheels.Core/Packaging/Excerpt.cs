namespace Piwheels.Core.Packaging;

/// <summary>Text of strangers in our own messages: short, on one line, without control characters.</summary>
public static class Excerpt
{
    /// <summary>The longest excerpt, in characters.</summary>
    public const int LengthMax = 80;

    /// <summary>The text cut to <see cref="LengthMax"/>, with <c>?</c> for control characters.</summary>
    public static string Of(string? text)
    {
        if (text is null) return "";
        var cut = text.Length > LengthMax ? string.Concat(text.AsSpan(0, LengthMax), "...") : text;
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }
}
