using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Transfers;

/// <summary>
/// A wheel that was verified and is not published: in the transfer folder, under a number of its own and its name, until
/// its build is recorded. It is still there after the master was killed, and the database then says what becomes of it.
/// </summary>
/// <param name="Path">Where it is.</param>
/// <param name="Hash">SHA-256 in lower case; null where nobody has looked since the master started.</param>
internal sealed partial record HeldFile(string Path, WheelFileName Name, PackageName Package, string? Hash)
{
    // With the hyphen as many characters as ".metadata" has, for which each name leaves room
    private const int NumberLength = 8;

    /// <summary>Its METADATA; null where it has to be read from the wheel.</summary>
    public ReadOnlyMemory<byte>? Metadata { get; init; }

    /// <summary>What this file alone has of its name.</summary>
    public string Number => System.IO.Path.GetFileName(Path)[..NumberLength];

    /// <summary>A wheel to be kept in a folder.</summary>
    public static HeldFile In(string folder, WheelFileName name, PackageName package, string hash)
    {
        var number = RandomNumberGenerator.GetHexString(NumberLength, lowercase: true);
        return new HeldFile(System.IO.Path.Combine(folder, $"{number}-{name.FileName}"), name, package, hash);
    }

    /// <summary>The wheel that was kept under a path.</summary>
    public static bool TryFind(string path, [NotNullWhen(true)] out HeldFile? held)
    {
        var found = Form().Match(System.IO.Path.GetFileName(path));
        held = found.Success && WheelFileName.TryParse(found.Groups["name"].Value, out var name) && name.Package is { } package
            ? new HeldFile(path, name, package, Hash: null)
            : null;
        return held is not null;
    }

    [GeneratedRegex(@"^[0-9a-f]{8}-(?<name>.+)\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
