using System.Security.Cryptography;

namespace Piwheels.Pages;

/// <summary>A logo of the operator's own.</summary>
/// <param name="Extension">Of its file name, with the dot.</param>
public sealed record SiteImage(string Extension, ReadOnlyMemory<byte> Content)
{
    /// <summary>The largest that is taken, in bytes: every visitor loads it.</summary>
    public const int BytesMax = 1 << 20;

    private static readonly byte[] PngSignature = [0x89, (byte)'P', (byte)'N', (byte)'G'];

    /// <summary>Where it is published, with a tag that changes as it does.</summary>
    public string Address => $"/{FilePath}?v={Convert.ToHexStringLower(SHA256.HashData(Content.Span))[..8]}";

    /// <summary>Where it lies below the site's folder.</summary>
    public string FilePath => "static/own-logo" + Extension;

    /// <summary>Its type, for a link to it.</summary>
    public string MediaType => Extension == ".png" ? "image/png" : "image/svg+xml";

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">It cannot be read, is too large, or of another kind.</exception>
    public static SiteImage Read(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > BytesMax) throw new FormatException($"{path} has more than {BytesMax >> 20} MiB");
            return Of(path, File.ReadAllBytes(path));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException(fault.Message, fault);
        }
    }

    private static SiteImage Of(string path, byte[] content)
    {
        if (content.AsSpan().StartsWith(PngSignature)) return new SiteImage(".png", content);
        if (content.AsSpan().IndexOf("<svg"u8) >= 0) return new SiteImage(".svg", content);
        throw new FormatException($"{path} is neither an SVG nor a PNG file");
    }
}
