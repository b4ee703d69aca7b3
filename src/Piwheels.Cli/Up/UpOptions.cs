using Piwheels.Core.Database;

namespace Piwheels.Cli.Up;

/// <summary>What `piw up` was asked for.</summary>
internal sealed record UpOptions
{
    public required string Data { get; init; }

    /// <summary>Address and port of the web server.</summary>
    public required string Listen { get; init; }

    /// <summary>The index to follow, without /simple.</summary>
    public required Uri Pypi { get; init; }

    public int Slaves { get; init; } = 1;

    /// <summary>What is asked for by name; empty: go on with what was asked for before.</summary>
    public SelectionWish Wanted { get; init; } = new([], []);

    /// <summary>Follow the whole index.</summary>
    public bool All { get; init; }

    /// <summary>Names to follow, with wildcards; all where empty.</summary>
    public IReadOnlyList<string> FollowOnly { get; init; } = [];

    /// <summary>Names never to follow, with wildcards.</summary>
    public IReadOnlyList<string> FollowNever { get; init; } = [];

    /// <summary>The folder with recipes; empty for none.</summary>
    public string Recipes { get; init; } = "";

    /// <summary>The folder with keys, by which slaves of other machines connect; empty for none.</summary>
    public string SlaveKeys { get; init; } = "";

    /// <summary>End when everything is built.</summary>
    public bool Once { get; init; }

    /// <summary>The longest time that one build may take.</summary>
    public TimeSpan BuildTimeout { get; init; } = TimeSpan.FromHours(3);

    /// <summary>The Python to build for; empty: the one found.</summary>
    public string Python { get; init; } = "";

    /// <summary>Build pure packages where there is no compiler, instead of refusing.</summary>
    public bool WithoutCompiler { get; init; }

    /// <summary>How builds are held, as options of `piw slave`.</summary>
    public IReadOnlyList<string> Containment { get; init; } = [];

    public Uri PypiSimple => new(Below("simple"));
    public Uri PypiApi => new(Below("pypi"));

    private string Below(string name) => Pypi.AbsoluteUri.TrimEnd('/') + "/" + name;
}
