using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>A wheel's WHEEL, which says what its file name says (PEP 427, section "File contents").</summary>
public static class WheelDescription
{
    /// <summary>The largest WHEEL, in bytes: a line a tag, and some more.</summary>
    public const int BytesMax = 1 << 20;

    /// <summary>Why it is not the WHEEL of a wheel of that name, in words; null where all agree.</summary>
    /// <param name="folder">The .dist-info folder.</param>
    public static string? DisagreementWith(WheelFileName wheel, WheelArchive archive, string folder)
    {
        string? version = null;
        var tags = new HashSet<WheelTag>();
        try
        {
            var own = archive.Entries.First(entry => entry.Name == $"{folder}/WHEEL");
            using var lines = new StringReader(Encoding.UTF8.GetString(archive.ReadAll(own, BytesMax)));
            while (lines.ReadLine() is { } line)
            {
                if (line.Split(':', 2) is not [var key, var value]) continue;
                if (key.Equals("Wheel-Version", StringComparison.OrdinalIgnoreCase)) version ??= value.Trim();
                if (!key.Equals("Tag", StringComparison.OrdinalIgnoreCase)) continue;
                if (value.Trim().Split('-') is not [var python, var abi, var platform]
                    || !TagSet.TryParse(python, abi, platform, out var set))
                {
                    return $"its WHEEL has a tag that is none: {Excerpt.Of(value.Trim())}";
                }

                tags.UnionWith(set);
            }
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }

        // Installers refuse what has another major version than they know
        if (version?.Split('.')[0] != "1") return $"its WHEEL is of version '{Excerpt.Of(version)}'";
        return tags.SetEquals(wheel.Tags) ? null : $"its WHEEL has other tags: {Excerpt.Of(string.Join(' ', tags))}";
    }
}
