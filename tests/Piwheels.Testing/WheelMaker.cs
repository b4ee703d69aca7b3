using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Piwheels.Testing;

/// <summary>Makes small wheels: real ones, and ones that no tool would make.</summary>
public sealed class WheelMaker(string name = "thing", string version = "1.0", string tags = "py3-none-any")
{
    private readonly List<(string Name, byte[] Content)> _entries = [];

    public string FileName => $"{name}-{version}-{tags}.whl";

    public string Folder => $"{name}-{version}.dist-info";

    /// <summary>The header fields of METADATA after name and version.</summary>
    public string Fields { get; init; } = "";

    /// <summary>The whole METADATA, in place of one made from name, version and <see cref="Fields"/>.</summary>
    public string? Metadata { get; init; }

    /// <summary>Changes the RECORD, which is right otherwise.</summary>
    public Func<string, string> Record { get; init; } = static right => right;

    /// <summary>The whole WHEEL, in place of one made from the tags.</summary>
    public string? Wheel { get; init; }

    /// <summary>False leaves out the .dist-info folder.</summary>
    public bool HasFolder { get; init; } = true;

    public WheelMaker With(string entry, string content) => With(entry, Encoding.UTF8.GetBytes(content));

    public WheelMaker With(string entry, byte[] content)
    {
        _entries.Add((entry, content));
        return this;
    }

    public byte[] ToBytes(CompressionLevel level = CompressionLevel.Fastest)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            List<(string Name, byte[] Content)> all = [("thing/__init__.py", Encoding.UTF8.GetBytes("value = 1\n")), .. _entries];
            if (HasFolder) all.AddRange(InFolder());
            foreach (var (entry, content) in all) Add(zip, entry, content, level);
            if (HasFolder) Add(zip, $"{Folder}/RECORD", Encoding.UTF8.GetBytes(Record(RecordOf(all))), level);
        }

        return stream.ToArray();
    }

    /// <summary>Writes it under its own name below a folder, and answers the path.</summary>
    public string WriteTo(string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllBytes(path, ToBytes());
        return path;
    }

    /// <summary>A line of a RECORD.</summary>
    public static string RecordLine(string name, byte[] content) => string.Create(
        CultureInfo.InvariantCulture, $"{(name.Contains(',', StringComparison.Ordinal) ? $"\"{name}\"" : name)},sha256={HashOf(content)},{content.Length}\n");

    private static string HashOf(byte[] content) =>
        Convert.ToBase64String(SHA256.HashData(content)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private IEnumerable<(string Name, byte[] Content)> InFolder()
    {
        var metadata = Metadata ?? $"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{Fields}\n\nA description\n";
        yield return ($"{Folder}/METADATA", Encoding.UTF8.GetBytes(metadata));
        yield return ($"{Folder}/WHEEL", Encoding.UTF8.GetBytes(Wheel ?? $"Wheel-Version: 1.0\nTag: {tags}\n"));
    }

    private string RecordOf(IEnumerable<(string Name, byte[] Content)> entries) =>
        string.Concat(entries.Where(entry => !entry.Name.EndsWith('/')).Select(entry => RecordLine(entry.Name, entry.Content)))
        + $"{Folder}/RECORD,,\n";

    private static void Add(ZipArchive zip, string name, byte[] content, CompressionLevel level)
    {
        using var stream = zip.CreateEntry(name, level).Open();
        stream.Write(content);
    }
}
