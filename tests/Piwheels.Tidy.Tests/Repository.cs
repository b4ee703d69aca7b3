namespace Piwheels.Tidy.Tests;

/// <summary>The repository that these tests were built from, found upwards from where they run.</summary>
internal static class Repository
{
    /// <summary>The stages of a package's way, in their order.</summary>
    public static readonly string[] Stages =
    [
        "Upstream", "Packages", "BuildQueue", "Building", "Transfers", "Publishing", "AccessLog", "Statistics",
        "Administration",
    ];

    public static readonly string Root = FindRoot();

    private static readonly string[] SourceFolders = ["src", "tests", "sql", "web", "docs", "scripts", "demo", "bench"];

    private static readonly string[] NotOurs = ["bin", "obj", "artifacts", "TestResults", "data"];

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    public static string Read(params string[] parts) => File.ReadAllText(PathOf(parts));

    /// <summary>Files that people write, with paths relative to the root.</summary>
    public static IEnumerable<string> Files(params string[] extensions) =>
        SourceFolders.Select(folder => PathOf(folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFiles(Root))
            .Select(path => Path.GetRelativePath(Root, path))
            .Where(path => extensions.Length == 0 || extensions.Contains(Path.GetExtension(path)))
            .Where(path => !path.Split('/').Any(part => NotOurs.Contains(part)));

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Piwheels.slnx"))) return at.FullName;
        }

        throw new InvalidOperationException("the tests do not stand in their repository");
    }
}
