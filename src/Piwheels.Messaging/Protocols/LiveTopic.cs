using System.Text;
using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// What can be followed on the live queue, as a subscription names it: a release on a target, as
/// <c>package version abi platform</c> and a line's end. By that no topic is the beginning of another.
/// </summary>
public readonly partial record struct LiveTopic(Release Release, Target Target)
{
    /// <summary>The longest that there is, in bytes.</summary>
    public const int BytesMax = 500;

    private const byte LineEnd = (byte)'\n';

    /// <summary>The list of all that runs.</summary>
    public static ReadOnlyMemory<byte> All { get; } = "builds\n"u8.ToArray();

    /// <summary>Whether it can be named at all: what has a blank in its version or tags cannot.</summary>
    public bool IsPlain => IsName(Release.Version) && IsName(Target.Abi) && IsName(Target.Platform) && Text.Length <= BytesMax;

    private string Text => $"{Release.Package} {Release.Version} {Target.Abi} {Target.Platform}\n";

    public byte[] ToBytes() => Encoding.ASCII.GetBytes(Text);

    /// <summary>Reads a subscription; false for whatever is none of ours.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out LiveTopic topic)
    {
        topic = default;
        return bytes.Length <= BytesMax && bytes is [.. var line, LineEnd]
            && Encoding.UTF8.GetString(line).Split(' ') is [var package, var version, var abi, var platform]
            && TryMake(package, version, abi, platform, out topic);
    }

    /// <summary>Of its parts as text; false where one is none, or the package's name in another spelling.</summary>
    public static bool TryMake(string package, string version, string abi, string platform, out LiveTopic topic)
    {
        topic = default;
        if (!PackageName.TryParse(package, out var name) || name.Value != package) return false;
        var made = new LiveTopic(new Release(name, version), new Target(abi, platform));
        if (!made.IsPlain) return false;
        topic = made;
        return true;
    }

    private static bool IsName(string? text) => text is not null && Name().IsMatch(text);

    /// <summary>What a slave would build, and what tags are made of (PEP 425).</summary>
    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._!+-]*\z")]
    private static partial Regex Name();
}
