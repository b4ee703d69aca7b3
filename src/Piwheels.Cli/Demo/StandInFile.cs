using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Demo;

/// <summary>An sdist or wheel of the stand-in index, with what the index says of it.</summary>
/// <param name="Spelling">The project's name as the file's metadata spells it.</param>
/// <param name="Metadata">The metadata as text: a wheel's METADATA, an sdist's PKG-INFO.</param>
/// <param name="Uploaded">A likely date of its release: that of the metadata inside.</param>
public sealed record StandInFile(
    string Path,
    PackageName Package,
    string Spelling,
    string Version,
    string Sha256,
    long Size,
    string Metadata,
    CoreMetadata Facts,
    DateTimeOffset Uploaded)
{
    /// <summary>The longest metadata that is read from an archive, in bytes.</summary>
    private const int MetadataBytesMax = 4 << 20;

    /// <summary>Archives that are made to be reproducible carry dates of before there was an index.</summary>
    private static readonly DateTimeOffset UploadedMin = new(2005, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] SdistEndings = [".tar.gz", ".tgz", ".zip"];

    public string Filename => System.IO.Path.GetFileName(Path);

    public bool IsWheel => Filename.EndsWith(WheelEnding, StringComparison.Ordinal);

    /// <summary>The file's Python tag in the change log: <c>source</c>, or the wheel's.</summary>
    public string PythonTag => IsWheel ? Filename[..^WheelEnding.Length].Split('-')[^3] : "source";

    private const string WheelEnding = ".whl";

    /// <summary>Whether a file is one that an index could list, by its name.</summary>
    public static bool IsDistribution(string path) =>
        path.EndsWith(WheelEnding, StringComparison.Ordinal) || EndingOf(path) is not null;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is no sdist or wheel.</exception>
    public static StandInFile Read(string path)
    {
        var wheel = path.EndsWith(WheelEnding, StringComparison.Ordinal);
        var (metadata, dated) = wheel ? ReadZip(path, ".dist-info/METADATA") : ReadSdist(path);
        var facts = CoreMetadata.Parse(metadata);
        var (name, version) = wheel ? FromWheelName(path) : FromSdistName(path);
        var spelling = facts.Name ?? name;
        if (!PackageName.TryParse(spelling, out var package))
            throw new InvalidDataException($"{path}: '{spelling}' is no project name");

        using var stream = File.OpenRead(path);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
        var written = new DateTimeOffset(File.GetLastWriteTimeUtc(path), TimeSpan.Zero);
        var uploaded = dated < UploadedMin || dated > written ? written : dated;
        return new StandInFile(
            path, package, spelling, facts.Version ?? version, sha256, stream.Length, metadata, facts, uploaded);
    }

    private static string? EndingOf(string path) =>
        SdistEndings.FirstOrDefault(ending => path.EndsWith(ending, StringComparison.Ordinal));

    private static (string Name, string Version) FromWheelName(string path)
    {
        var parts = System.IO.Path.GetFileName(path).Split('-');
        return parts.Length >= 5 ? (parts[0], parts[1]) : throw new InvalidDataException($"{path} is no wheel's name");
    }

    private static (string Name, string Version) FromSdistName(string path)
    {
        var stem = System.IO.Path.GetFileName(path)[..^(EndingOf(path)?.Length ?? 0)];
        var dash = stem.LastIndexOf('-');
        return dash > 0
            ? (stem[..dash], stem[(dash + 1)..])
            : throw new InvalidDataException($"{path} is no sdist's name");
    }

    private static (string Metadata, DateTimeOffset Dated) ReadSdist(string path)
    {
        if (path.EndsWith(".zip", StringComparison.Ordinal)) return ReadZip(path, "/PKG-INFO");
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var tar = new TarReader(gzip);
        while (tar.GetNextEntry() is { } entry)
        {
            if (!IsTopLevel(entry.Name, "/PKG-INFO") || entry.DataStream is null) continue;
            return (Text(entry.DataStream, entry.Length), entry.ModificationTime.ToUniversalTime());
        }

        return ("", default);
    }

    private static (string Metadata, DateTimeOffset Dated) ReadZip(string path, string ending)
    {
        using var zip = ZipFile.OpenRead(path);
        foreach (var entry in zip.Entries)
        {
            if (!IsTopLevel(entry.FullName, ending)) continue;
            using var stream = entry.Open();
            return (Text(stream, entry.Length), entry.LastWriteTime.ToUniversalTime());
        }

        return ("", default);
    }

    private static bool IsTopLevel(string name, string ending)
    {
        if (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        return name.EndsWith(ending, StringComparison.Ordinal) && name.Count(c => c == '/') == 1;
    }

    private static string Text(Stream stream, long length)
    {
        if (length > MetadataBytesMax) throw new InvalidDataException($"its metadata has {length} bytes");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
