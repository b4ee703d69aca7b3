using System.IO.Compression;
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
            Add(zip, "thing/__init__.py", Encoding.UTF8.GetBytes("value = 1\n"), level);
            foreach (var (entry, content) in _entries) Add(zip, entry, content, level);
            if (HasFolder) AddFolder(zip, level);
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

    private void AddFolder(ZipArchive zip, CompressionLevel level)
    {
        var metadata = Metadata ?? $"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{Fields}\n\nA description\n";
        Add(zip, $"{Folder}/METADATA", Encoding.UTF8.GetBytes(metadata), level);
        Add(zip, $"{Folder}/WHEEL", Encoding.UTF8.GetBytes($"Wheel-Version: 1.0\nTag: {tags}\n"), level);
        Add(zip, $"{Folder}/RECORD", [], level);
    }

    private static void Add(ZipArchive zip, string name, byte[] content, CompressionLevel level)
    {
        using var stream = zip.CreateEntry(name, level).Open();
        stream.Write(content);
    }
}
