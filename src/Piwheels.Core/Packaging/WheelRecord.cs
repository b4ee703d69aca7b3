using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>
/// A wheel's RECORD: all its files but RECORD itself and its signatures, each with hash and size (PEP 376, PEP 427,
/// section "The .dist-info directory").
/// </summary>
public sealed class WheelRecord
{
    /// <summary>The largest RECORD, in bytes.</summary>
    public const int BytesMax = 32 << 20;

    private readonly Dictionary<string, RecordedFile> _files;

    private WheelRecord(Dictionary<string, RecordedFile> files) => _files = files;

    /// <summary>Reads the list; a name may come twice only if all is said of it that is said the first time.</summary>
    /// <param name="folder">The .dist-info folder.</param>
    /// <param name="problem">Why it is refused, in words.</param>
    public static bool TryRead(
        WheelArchive archive, string folder,
        [NotNullWhen(true)] out WheelRecord? record, [NotNullWhen(false)] out string? problem)
    {
        record = null;
        try
        {
            var own = archive.Entries.First(entry => entry.Name == $"{folder}/RECORD");
            var files = new Dictionary<string, RecordedFile>(StringComparer.Ordinal);
            using var lines = new StringReader(new UTF8Encoding(false, true).GetString(archive.ReadAll(own, BytesMax)));
            while (lines.ReadLine() is { } line)
            {
                if (line.Length > 0) Add(files, line);
            }

            record = new WheelRecord(files);
            problem = record.Missing(archive, folder);
            return problem is null;
        }
        catch (Exception e) when (e is InvalidDataException or DecoderFallbackException)
        {
            problem = e is DecoderFallbackException ? "its RECORD is no UTF-8" : e.Message;
            return false;
        }
    }

    /// <summary>What the RECORD says of a file; null for those that it says nothing of.</summary>
    public RecordedFile? Of(WheelEntry entry) =>
        _files.GetValueOrDefault(entry.Name) is { Digest.Length: > 0 } file ? file : null;

    private string? Missing(WheelArchive archive, string folder)
    {
        var names = archive.Entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, file) in _files)
        {
            if (!names.Contains(name)) return $"its RECORD has {Excerpt.Of(name)}, which is not there";
            if (file.Digest.Length == 0 && !IsUnhashed(name, folder)) return $"its RECORD has no hash of {Excerpt.Of(name)}";
        }

        var other = archive.Entries.FirstOrDefault(
            entry => !_files.ContainsKey(entry.Name) && !IsUnhashed(entry.Name, folder));
        return other is null ? null : $"{other} is not in its RECORD";
    }

    // What holds the hashes cannot have one, and what signs it is made after it
    private static bool IsUnhashed(string name, string folder) =>
        name == $"{folder}/RECORD" || name == $"{folder}/RECORD.jws" || name == $"{folder}/RECORD.p7s";

    private static void Add(Dictionary<string, RecordedFile> files, string line)
    {
        if (Fields(line) is not [var name, var hash, var size]) throw Bad(line);
        var file = new RecordedFile(
            ReadHash(hash, line), size.Length == 0 ? null
            : long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes
            : throw Bad(line));
        if (!files.TryAdd(name, file) && !files[name].Says(file))
            throw new InvalidDataException($"its RECORD says two things of {Excerpt.Of(name)}");
    }

    // "sha256=", and the digest in base64 for URLs, without its padding; nothing weaker counts
    private static (HashAlgorithmName Algorithm, byte[] Digest) ReadHash(string hash, string line)
    {
        if (hash.Length == 0) return (HashAlgorithmName.SHA256, []);
        if (hash.Split('=', 2) is not [var name, var text]) throw Bad(line);
        var (algorithm, length) = name switch
        {
            "sha256" => (HashAlgorithmName.SHA256, SHA256.HashSizeInBytes),
            "sha384" => (HashAlgorithmName.SHA384, SHA384.HashSizeInBytes),
            "sha512" => (HashAlgorithmName.SHA512, SHA512.HashSizeInBytes),
            _ => throw Bad(line),
        };
        text = text.TrimEnd('=').Replace('-', '+').Replace('_', '/');
        var digest = new byte[SHA512.HashSizeInBytes];
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        return Convert.TryFromBase64String(padded, digest, out var count) && count == length
            ? (algorithm, digest[..count])
            : throw Bad(line);
    }

    // RFC 4180: what holds a comma or a quote stands in quotes, which are doubled within
    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quoted && c == '"' && i + 1 < line.Length && line[i + 1] == '"') field.Append(line[++i]);
            else if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else field.Append(c);
        }

        fields.Add(field.ToString());
        return fields;
    }

    private static InvalidDataException Bad(string line) => new($"its RECORD has a line that is none: {Excerpt.Of(line)}");
}

/// <summary>What a RECORD says of one file.</summary>
public sealed class RecordedFile((HashAlgorithmName Algorithm, byte[] Digest) hash, long? size)
{
    public HashAlgorithmName Algorithm => hash.Algorithm;

    public byte[] Digest => hash.Digest;

    /// <summary>In bytes; null where it does not say.</summary>
    public long? Size => size;

    internal bool Says(RecordedFile other) =>
        Algorithm == other.Algorithm && Size == other.Size && Digest.AsSpan().SequenceEqual(other.Digest);
}
