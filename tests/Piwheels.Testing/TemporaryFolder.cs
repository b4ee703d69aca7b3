namespace Piwheels.Testing;

/// <summary>A folder of a test's own, gone with all that is in it when disposed.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("piw-test-").FullName;

    /// <param name="parent">Where it is made, if not where temporary files are.</param>
    public TemporaryFolder(string parent) =>
        Path = Directory.CreateDirectory(System.IO.Path.Combine(parent, $"piw-test-{Guid.NewGuid():n}")).FullName;

    public string Path { get; }

    /// <summary>A path below it.</summary>
    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    /// <summary>Writes a file, with the folders that lead to it.</summary>
    public string Write(string relative, string content)
    {
        var path = this[relative];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Relative paths of all files and links, in order.</summary>
    public IReadOnlyList<string> Files() =>
    [
        .. FilesOf(new DirectoryInfo(Path))
            .Select(path => System.IO.Path.GetRelativePath(Path, path))
            .Order(StringComparer.Ordinal),
    ];

    private static IEnumerable<string> FilesOf(DirectoryInfo folder) => folder.EnumerateFileSystemInfos().SelectMany(
        info => info is DirectoryInfo { LinkTarget: null } inner ? FilesOf(inner) : [info.FullName]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
