using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What an event of the index's change log means to the farm.</summary>
public abstract record UpstreamEffect
{
    private UpstreamEffect()
    {
    }

    /// <summary>A project was registered.</summary>
    public sealed record Created(PackageName Package, string Spelling, DateTimeOffset At) : UpstreamEffect;

    /// <summary>A release has a file more: an sdist when <paramref name="Source"/>, else something built.</summary>
    public sealed record FileAdded(Release Release, string Spelling, bool Source, DateTimeOffset At) : UpstreamEffect;

    public sealed record PackageRemoved(PackageName Package) : UpstreamEffect;

    public sealed record VersionRemoved(Release Release) : UpstreamEffect;

    /// <summary>A release was yanked, or taken back from that (PEP 592).</summary>
    public sealed record YankChanged(Release Release, bool Yanked) : UpstreamEffect;

    /// <summary>Nothing that the farm cares for: owners, documentation, single files that were removed.</summary>
    public sealed record PassedOver : UpstreamEffect;

    /// <summary>An action that matters, upon a name or version that cannot be one.</summary>
    public sealed record Refused(string Reason) : UpstreamEffect;

    private static readonly PassedOver Nothing = new();

    /// <summary>Reads the meaning of one event.</summary>
    public static UpstreamEffect Of(PypiEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        var kind = KindOf(e);
        if (kind == Kind.Other) return Nothing;
        if (!PackageName.TryParse(e.Name, out var package)) return new Refused("it is no package name");
        if (kind == Kind.Create) return new Created(package, e.Name, e.Timestamp);
        if (kind == Kind.RemovePackage) return new PackageRemoved(package);
        if (WhyNoVersion(e.Version) is { } reason) return new Refused(reason);

        var release = new Release(package, e.Version!);
        return kind switch
        {
            Kind.AddSource => new FileAdded(release, e.Name, Source: true, e.Timestamp),
            Kind.AddBuilt => new FileAdded(release, e.Name, Source: false, e.Timestamp),
            Kind.Yank => new YankChanged(release, Yanked: true),
            Kind.Unyank => new YankChanged(release, Yanked: false),
            _ => new VersionRemoved(release),
        };
    }

    private enum Kind
    {
        Other,
        Create,
        AddSource,
        AddBuilt,
        RemovePackage,
        RemoveVersion,
        Yank,
        Unyank,
    }

    private static Kind KindOf(PypiEvent e) => e.Action switch
    {
        "create" => Kind.Create,
        "remove project" => Kind.RemovePackage,
        // In the log's first years a removal says by its version alone what it removes
        "remove" => e.Version is null ? Kind.RemovePackage : Kind.RemoveVersion,
        "remove release" => Kind.RemoveVersion,
        "yank release" => Kind.Yank,
        "unyank release" => Kind.Unyank,
        _ => FileKindOf(e.Action),
    };

    /// <summary>Reads <c>add TAG file NAME</c>, where the tag is <c>source</c> or a Python version.</summary>
    private static Kind FileKindOf(string action)
    {
        const string Head = "add ";
        const string Middle = " file ";
        if (!action.StartsWith(Head, StringComparison.Ordinal)) return Kind.Other;
        var end = action.IndexOf(Middle, Head.Length, StringComparison.Ordinal);
        if (end <= Head.Length || end + Middle.Length == action.Length) return Kind.Other;
        return action.AsSpan(Head.Length, end - Head.Length) is "source" ? Kind.AddSource : Kind.AddBuilt;
    }

    /// <summary>
    /// Why a text cannot be a version; null when it can. Old releases need not follow PEP 440, so what is refused is
    /// only what the database, a path or a command line could not carry.
    /// </summary>
    private static string? WhyNoVersion(string? version)
    {
        if (string.IsNullOrEmpty(version)) return "it names no version";
        if (version.Length > Release.VersionLengthMax) return "its version is too long";
        if (version[0] == '-') return "its version begins with a dash";
        foreach (var c in version)
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || char.IsWhiteSpace(c) || c is '/' or '\\')
                return "its version has characters that none has";
        }

        return version is "." or ".." ? "its version is a path" : null;
    }
}
