using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Administration;

/// <summary>
/// What somebody wants of one package or version: to be removed with all that there is of it; or to stay, and to be
/// skipped, yanked, or rid of its builds.
/// </summary>
/// <param name="Package">As somebody spelled it.</param>
/// <param name="Version">Null: the package.</param>
/// <param name="Skip">Why it shall not be built; empty: that is not asked for.</param>
internal sealed record Removal(string Package, string? Version, string Skip, bool Builds, bool Yank)
{
    /// <summary>Whether it is asked of a master of 0.16 to 0.19, which does not say what it has done.</summary>
    public bool OldMaster { get; init; }

    /// <summary><c>package foo</c>, or <c>foo 1.0</c>.</summary>
    private string Subject => Version is null ? $"package {Name}" : $"{Name} {Version}";

    private string Name => PackageName.Canonicalize(Package);

    private bool IsWhole => Skip.Length == 0 && !Builds && !Yank;

    /// <summary>What is asked before it is done.</summary>
    public string Question
    {
        get
        {
            if (IsWhole)
                return Version is null
                    ? $"Remove {Subject} with all its versions, builds and files?"
                    : $"Remove {Subject} with its builds and files?";
            return $"{Listed("Skip", "yank", "remove all builds and files of")} {Subject}?";
        }
    }

    public ImportRequest Request => (OldMaster, Version) switch
    {
        (true, _) => new ImportRequest.Remove(Package, Version, Skip),
        (_, null) => new ImportRequest.RemovePackage(Package, Builds, Skip),
        _ => new ImportRequest.RemoveVersion(Package, Version, Builds, Skip, Yank),
    };

    /// <summary>The master's answer in words.</summary>
    /// <exception cref="CommandFault">It was not done, or the answer is none to this.</exception>
    public string Outcome(ImportReply reply) => reply switch
    {
        ImportReply.Done(var what) when what is not null && Answers.Contains(what) => Done,
        ImportReply.Done(null) when OldMaster => Done,
        ImportReply.Error("NOPKG") => throw new CommandFault($"package {Name} is unknown here"),
        ImportReply.Error("NOVER") => throw new CommandFault($"{Subject} is unknown here"),
        ImportReply.Error(var reason) => throw new CommandFault($"{Subject}: {reason}"),
        _ => throw new CommandFault($"the master answered {reply.Name}, which answers something else"),
    };

    /// <summary>What a master says that has done it: of several things that were asked for, any may be named.</summary>
    private IEnumerable<string> Answers
    {
        get
        {
            var kind = Version is null ? "PKG" : "VER";
            if (IsWhole) yield return $"DEL{kind}";
            if (Skip.Length > 0) yield return $"SKIP{kind}";
            if (Yank) yield return $"YANK{kind}";
            if (Builds) yield return $"DEL{kind}BLD";
        }
    }

    private string Done
    {
        get
        {
            if (IsWhole) return $"Removed {Subject}.";
            var again = Builds && Skip.Length == 0 ? "; it is built again" : "";
            return $"{Listed("Skipped", "yanked", "removed all builds and files of")} {Subject}{again}.";
        }
    }

    private string Listed(string skip, string yank, string builds)
    {
        var words = new List<string>();
        if (Skip.Length > 0) words.Add(skip);
        if (Yank) words.Add(yank);
        if (Builds) words.Add(builds);
        var text = words.Count < 2 ? words[0] : $"{string.Join(", ", words[..^1])} and {words[^1]}";
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}";
    }
}
