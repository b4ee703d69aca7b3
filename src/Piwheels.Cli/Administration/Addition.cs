using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Administration;

/// <summary>What somebody wants of one package or version: to be added or changed, to be built first, or both.</summary>
/// <param name="Wanted">The package; clauses and marker choose what is built first.</param>
/// <param name="Version">As somebody spelled it; null: the package.</param>
internal sealed record Addition(Requirement Wanted, string? Version)
{
    public string Skip { get; init; } = "";

    public bool Unskip { get; init; }

    /// <summary>Null: the index's.</summary>
    public string? Description { get; init; }

    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Null: now.</summary>
    public DateTimeOffset? Released { get; init; }

    public bool Yank { get; init; }

    public bool Unyank { get; init; }

    /// <summary>Whether it is to be built before what nobody asked for.</summary>
    public bool Priority { get; init; }

    /// <summary>Whether that concerns all versions that wait, instead of the newest.</summary>
    public bool AllVersions { get; init; }

    public PackageName Package => Wanted.Package;

    /// <summary>Whether something is to be changed besides the order of building.</summary>
    public bool Changes =>
        Skip.Length > 0 || Unskip || Description is not null || Aliases.Count > 0 || Released is not null || Yank || Unyank;

    /// <summary>What is added: <c>package foo</c>, or <c>foo 1.0</c>.</summary>
    public string Subject => Version is null ? $"package {Package}" : $"{Package} {Version}";

    /// <summary>What is to be built first: <c>foo</c>, <c>foo&lt;2</c> or <c>foo 1.0</c>.</summary>
    public string Goal => Version is null ? $"{Package}{Wanted.Specifier}" : $"{Package} {Version}";
}

/// <summary>How one went.</summary>
/// <param name="Done">False when something of it could not be done.</param>
/// <param name="Line">What happened, in one line.</param>
internal sealed record AdditionOutcome(bool Done, string Line);
