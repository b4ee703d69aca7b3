using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Tests.Publishing;

/// <summary>A package as nobody would make one who meant well: every text may be anything.</summary>
internal sealed class HostilePackage(Random random)
{
    /// <summary>What breaks out of the places that it could stand in.</summary>
    internal static readonly string[] Texts =
    [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</title><script>",
        "javascript:alert(1)", "//evil.example/x", "https://evil.example", "@Model", "{{x}}", "a\nb\r\nc",
        "a\0b\u0007c\u001b[31m", "\u202egnp.exe", "\u2066\u2067", "\u200f", "..", "../../x", "&lt;b&gt;", "<!--", "]]>",
        "%2e%2e%2f", "\ud800 lone", "é漢字🎡", "$(id)`id`", "", " ", "\\", "/", "#", "?", "&", "\u2028", "\u0085", "\u00ad",
        "<![CDATA[", "<?xml?>", "\ufeff", new('x', 200), new('é', 200), new('"', 200), "-", ".", ".page-1.tmp", "CON", "\uffff",
    ];

    internal ProjectData Data() => new(
        PackageName.Parse("foo"), Text(), Text(), "", [.. Some(3, Text)],
        [.. Some(6, Version).DistinctBy(version => version.Version)]);

    /// <summary>What a reader of HTML gets of a text that was written into it.</summary>
    internal static string AsHtmlHasIt(string text)
    {
        var shown = new StringBuilder();
        var whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        foreach (var c in whole.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'))
        {
            var isUnfit = (char.IsControl(c) && c is not ('\t' or '\n'))
                || c is >= '\ufdd0' and <= '\ufdef' or '\ufffe' or '\uffff';
            shown.Append(isUnfit ? '\ufffd' : c);
        }

        return shown.ToString();
    }

    private ProjectVersion Version() => new(
        random.Next(2) == 0 ? $"{random.Next(5)}.{random.Next(5)}" : Text(), Moment(), random.Next(3) == 0, Text(),
        [.. Some(4, File)], [new ProjectTarget(new Target(Text(), Text()), TargetState.Fail, 1)])
    {
        Linked = [.. Some(2, Linked)],
    };

    private ProjectFile File() => new(
        Filename(), random.NextInt64(long.MaxValue), Hash(), Text(), Text(), Text(), RequiresPython(), Text(), Moment(),
        [Text()], [Text()]);

    private UpstreamWheel Linked()
    {
        var filename = $"foo-{random.Next(5)}.{random.Next(5)}-py3-none-any.whl";
        return new UpstreamWheel(
            "1.0", filename, $"https://files.example/a%26b/{filename}", Hash(), random.Next(3) == 0 ? null : random.Next(),
            RequiresPython(), random.Next(2) == 0, random.Next(2) == 0, random.Next(2) == 0 ? null : Moment(),
            "py3", "none", "any");
    }

    private string Filename() => random.Next(3) switch
    {
        0 => Text(),
        1 => $"foo-{Text()}-py3-none-any.whl",
        _ => $"foo-{random.Next(9)}.{random.Next(9)}-{random.Next(3)}x-py3-none-any.whl",
    };

    private string? RequiresPython() => random.Next(3) switch { 0 => null, 1 => ">=3.9,<4", _ => Text() };

    private string Text() => random.Next(4) == 0
        ? string.Concat(Some(20, () => (char)random.Next(char.MaxValue)))
        : Texts[random.Next(Texts.Length)] + (random.Next(3) == 0 ? Texts[random.Next(Texts.Length)] : "");

    private string Hash() => Convert.ToHexStringLower(Enumerable.Range(0, 32).Select(_ => (byte)random.Next(256)).ToArray());

    private DateTimeOffset Moment() => Sample.Day.AddTicks(random.NextInt64(TimeSpan.TicksPerDay * 10_000));

    private List<T> Some<T>(int max, Func<T> make) =>
        [.. Enumerable.Range(0, random.Next(max + 1)).Select(_ => make())];
}
