using System.Globalization;

namespace Piwheels.Master.Upstream;

/// <summary>Addresses and times as indexes write them.</summary>
internal static class IndexAddress
{
    /// <summary>The address of something below a root, each segment escaped.</summary>
    internal static Uri Below(Uri root, params ReadOnlySpan<string> segments)
    {
        var path = new System.Text.StringBuilder(root.GetLeftPart(UriPartial.Path).TrimEnd('/'));
        foreach (var segment in segments) path.Append('/').Append(Uri.EscapeDataString(segment));
        return new Uri(path.ToString());
    }

    /// <summary>An ISO 8601 time, UTC where it says nothing; null when it is none.</summary>
    internal static DateTimeOffset? TimeOf(string? text) =>
        DateTimeOffset.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var time)
            ? time
            : null;
}
