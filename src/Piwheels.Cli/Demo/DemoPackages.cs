using System.Formats.Tar;
using System.IO.Compression;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Demo;

/// <summary>A source distribution of a demo package, as written to disk.</summary>
/// <param name="Release">The package and its version.</param>
/// <param name="Path">The archive.</param>
public sealed record DemoSdist(Release Release, string Path);

/// <summary>
/// The demo packages: small projects that build without a download, carried by the program as source trees
/// (demo/packages in the repository).
/// </summary>
public static class DemoPackages
{
    private const string ResourceRoot = "demo/";
    private const string MetadataFile = "PKG-INFO";

    /// <summary>The names of the packages, in order.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. ResourceNames().Select(name => name.Split('/')[1]).Distinct(StringComparer.Ordinal)];

    /// <summary>
    /// Packs each package into a source distribution, <c>name-version.tar.gz</c> with PKG-INFO inside (PEP 625), in a
    /// folder that is made when missing. The same program writes the same bytes each time.
    /// </summary>
    /// <returns>What was written, in the order of the names.</returns>
    public static IReadOnlyList<DemoSdist> Write(string folder)
    {
        Directory.CreateDirectory(folder);
        return [.. Names.Select(name => WriteSdist(folder, name))];
    }

    private static DemoSdist WriteSdist(string folder, string name)
    {
        var root = $"{ResourceRoot}{name}/";
        var release = ReadRelease(root + MetadataFile);
        var stem = $"{release.Package.Value.Replace('-', '_')}-{release.Version}";
        var path = Path.Combine(folder, stem + ".tar.gz");
        var unfinished = path + ".tmp";
        using (var file = File.Create(unfinished))
        using (var gzip = new GZipStream(file, CompressionLevel.Optimal))
        using (var tar = new TarWriter(gzip, TarEntryFormat.Ustar))
        {
            foreach (var resource in ResourceNames().Where(n => n.StartsWith(root, StringComparison.Ordinal)))
            {
                tar.WriteEntry(Entry($"{stem}/{resource[root.Length..]}", ReadResource(resource)));
            }
        }

        File.Move(unfinished, path, overwrite: true);
        return new DemoSdist(release, path);
    }

    /// <summary>An entry without the owner and the time that would make two archives differ.</summary>
    private static UstarTarEntry Entry(string name, byte[] content) => new(TarEntryType.RegularFile, name)
    {
        DataStream = new MemoryStream(content),
        ModificationTime = DateTimeOffset.UnixEpoch.AddYears(10), // zip files, and so wheels, begin with 1980
        Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
    };

    private static Release ReadRelease(string metadata)
    {
        using var reader = new StreamReader(new MemoryStream(ReadResource(metadata)));
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.ReadLine() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            fields.TryAdd(line[..colon], line[(colon + 2)..]);
        }

        return new Release(PackageName.Parse(fields["Name"]), fields["Version"]);
    }

    private static IEnumerable<string> ResourceNames() =>
        typeof(DemoPackages).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourceRoot, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    private static byte[] ReadResource(string name)
    {
        using var stream = typeof(DemoPackages).Assembly.GetManifestResourceStream(name)
            ?? throw new FileNotFoundException("not part of the program", name);
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
