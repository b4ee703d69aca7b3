using System.Reflection;
using System.Security.Cryptography;

namespace Piwheels.Pages;

/// <summary>
/// The style sheet, scripts and images, as built into this assembly. They are published below /static/.
/// </summary>
public static class StaticFiles
{
    private const string Prefix = "static/";
    private const int TagDigits = 8;

    private static readonly Assembly Source = typeof(StaticFiles).Assembly;
    private static readonly Lazy<string> ContentTag = new(ComputeTag);

    /// <summary>Relative paths of all files, e.g. <c>static/site.css</c>.</summary>
    public static IReadOnlyList<string> Paths { get; } =
    [
        .. Source.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Changes when any of the files does, so that pages can ask browsers to load them anew.</summary>
    public static string Tag => ContentTag.Value;

    public static byte[] Read(string path)
    {
        using var stream = Source.GetManifestResourceStream(path) ?? throw new FileNotFoundException(path);
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static string ComputeTag()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in Paths) hash.AppendData(Read(path));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..TagDigits];
    }
}
