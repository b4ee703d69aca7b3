using Piwheels.Core.States;

namespace Piwheels.Master.Building;

/// <summary>
/// Checks how a slave introduces itself: the tags name its target, the texts go to logs and monitors.
/// </summary>
public static class HelloCheck
{
    /// <summary>Characters that the database holds of a tag.</summary>
    public const int TagLengthMax = 100;

    /// <summary>Characters that are kept of label, system and board.</summary>
    public const int TextLengthMax = 200;

    /// <summary>Why nothing can be built by such a slave; null when something can.</summary>
    public static string? Refusal(SlaveHello hello)
    {
        // "none" is what wheels without an ABI carry; nothing is built on it
        if (!IsTag(hello.Abi) || hello.Abi == "none") return "its ABI tag is none";
        if (!IsTag(hello.Platform) || hello.Platform == "any") return "its platform tag is none";
        if (!IsTag(hello.PyVersion)) return "its Python version is none";
        return hello.BusyTimeout <= TimeSpan.Zero || hello.BuildTimeout <= TimeSpan.Zero
            ? "its time-outs are over before they begin"
            : null;
    }

    /// <summary>The hello with texts that a terminal can show: one line each, of limited length.</summary>
    public static SlaveHello Clean(SlaveHello hello) => hello with
    {
        Label = Clean(hello.Label),
        OsName = Clean(hello.OsName),
        OsVersion = Clean(hello.OsVersion),
        BoardRevision = Clean(hello.BoardRevision),
        BoardSerial = Clean(hello.BoardSerial),
    };

    private static bool IsTag(string text) =>
        text.Length is > 0 and <= TagLengthMax
        && text.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');

    private static string Clean(string text)
    {
        if (text.Length <= TextLengthMax && !text.Any(IsUnshowable)) return text;
        return string.Create(Math.Min(text.Length, TextLengthMax), text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = IsUnshowable(source[i]) ? '?' : source[i];
        });
    }

    // Surrogates too: a cut might leave half of one
    private static bool IsUnshowable(char c) => char.IsControl(c) || char.IsSurrogate(c);
}
