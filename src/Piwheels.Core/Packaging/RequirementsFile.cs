using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>
/// A file of requirements as pip reads them: one requirement a line, comments, continued lines, <c>-r</c> and
/// <c>-c</c> for further files. Hashes are passed over. Anything else is an error, told with file and line.
/// </summary>
public sealed class RequirementsFile
{
    /// <summary>The largest file, in bytes.</summary>
    public const int FileBytesMax = 1 << 20;

    /// <summary>Most files that may be included in all.</summary>
    public const int FilesMax = 100;

    /// <summary>How deep files may include each other.</summary>
    public const int DepthMax = 16;

    internal RequirementsFile(IReadOnlyList<RequirementLine> requirements, IReadOnlyList<RequirementLine> constraints)
    {
        Requirements = requirements;
        Constraints = constraints;
    }

    /// <summary>What is wanted, in the order read.</summary>
    public IReadOnlyList<RequirementLine> Requirements { get; }

    /// <summary>What limits versions without being wanted itself (<c>-c</c>).</summary>
    public IReadOnlyList<RequirementLine> Constraints { get; }

    /// <summary>Reads a file and all that it includes.</summary>
    /// <param name="problem">What is wrong, as <c>file:line: reason</c>.</param>
    public static bool TryRead(
        string path, [NotNullWhen(true)] out RequirementsFile? file, [NotNullWhen(false)] out string? problem) =>
        TryRead(path, ReadFile, out file, out problem);

    /// <summary>As the other <c>TryRead</c>.</summary>
    /// <param name="readText">Gives a file's text by its full path, or throws <see cref="IOException"/>.</param>
    public static bool TryRead(
        string path,
        Func<string, string> readText,
        [NotNullWhen(true)] out RequirementsFile? file,
        [NotNullWhen(false)] out string? problem)
    {
        var reader = new RequirementsFileReader(readText);
        var full = Path.GetFullPath(path);
        _ = reader.Read(full, path, isConstraint: false, depth: 0);
        problem = reader.Problem;
        file = problem is null ? new RequirementsFile(reader.Requirements, reader.Constraints) : null;
        return file is not null;
    }

    private static string ReadFile(string path)
    {
        using var stream = File.OpenRead(path);
        var buffer = new byte[FileBytesMax + 1];
        var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > FileBytesMax) throw new IOException($"larger than {FileBytesMax} bytes");
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}

/// <summary>A requirement and where it stands. The line is the first one where it is continued.</summary>
public sealed record RequirementLine(Requirement Requirement, string File, int Line);
