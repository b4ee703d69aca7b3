using Piwheels.Core.Packaging;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave.Building;

/// <summary>
/// Builds a release in steps, of which each either has a network or runs the package's code, and never both: fetch the
/// source and what it lists as its build requirements; ask its build backend what more it requires; fetch that; build.
/// </summary>
/// <remarks>Without a sandbox no network can be taken away, and this only fetches first what pip would have fetched later.</remarks>
internal sealed class OfflineBuild(string python, BuildFolder folder, ContainedRun run, IEnumerable<string> pipArguments)
{
    private const int AnswerBytesMax = 64 * 1024;
    private const string AnswerName = "answer.txt";
    private const string MoreName = "more.txt";

    private BuildPlace Place => run.Place;

    /// <summary>How the step ended that did not end well, or the last.</summary>
    /// <param name="indexes">The first that has the source is asked for it; all are asked for the requirements.</param>
    public async Task<BuildEnding> RunAsync(Release release, IReadOnlyList<Uri> indexes, CancellationToken drop)
    {
        string[] urls = [.. indexes.Select(index => index.AbsoluteUri)];
        var ending = await PrepareAsync(
            BuildNetwork.Index, ["fetch", Place.Store, release.Package.Value, release.Version, .. urls], drop);
        if (!IsWell(ending)) return ending;
        ending = await PrepareAsync(BuildNetwork.None, ["ask", Place.Store, $"{Place.Work}/{AnswerName}"], drop);
        if (!IsWell(ending)) return ending;

        var answer = ReadAnswer();
        folder.Clear(); // What the package's code may have laid out for the next step, which has a network
        if (answer.Length > 0)
        {
            await File.WriteAllTextAsync(Path.Combine(folder.Slave, MoreName), answer, drop);
            ending = await PrepareAsync(
                BuildNetwork.Index, ["more", Place.Store, $"{Place.Slave}/{MoreName}", .. urls], drop);
            if (!IsWell(ending)) return ending;
        }

        return await run.RunAsync(Command(), BuildNetwork.None, drop);
    }

    private static bool IsWell(BuildEnding ending) => ending is BuildEnding.Exited { Status: 0 };

    private Task<BuildEnding> PrepareAsync(BuildNetwork network, string[] arguments, CancellationToken drop) =>
        run.RunAsync([python, "-I", $"{Place.Slave}/prepare.py", .. arguments], network, drop);

    private List<string> Command() =>
    [
        python, "-m", "pip", "wheel",
        "--wheel-dir", Place.Wheels,
        "--no-deps",
        "--no-cache-dir",
        "--no-index",
        "--find-links", $"{Place.Store}/wheels",
        "--use-pep517",
        "--disable-pip-version-check",
        "--exists-action=w",
        "--progress-bar=off",
        .. pipArguments,
        .. Directory.EnumerateFiles(Path.Combine(folder.Store, "sdist")).Select(path => $"{Place.Store}/sdist/{Path.GetFileName(path)}"),
    ];

    /// <summary>Written by the package's code: may be a link or a pipe, closed, or far too long.</summary>
    private string ReadAnswer()
    {
        var file = new FileInfo(Path.Combine(folder.Work, AnswerName));
        try
        {
            return file is { Exists: true, LinkTarget: null, Length: > 0 and <= AnswerBytesMax } ? File.ReadAllText(file.FullName) : "";
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }
}
