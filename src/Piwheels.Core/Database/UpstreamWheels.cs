using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>What the farm does about wheels that the index has itself.</summary>
public enum UpstreamPolicy
{
    /// <summary>It does not look at them, and builds all.</summary>
    Rebuild,

    /// <summary>It does not build a version for a target that one of them runs on.</summary>
    Defer,

    /// <summary>So too, and lists them in its own index, with upstream's address and hash.</summary>
    Link,
}

/// <summary>The farm's policy, and those of single packages.</summary>
public sealed record UpstreamPolicies(
    UpstreamPolicy Farm, IReadOnlyDictionary<PackageName, UpstreamPolicy> OfPackages)
{
    public UpstreamPolicy Of(PackageName package) =>
        OfPackages.TryGetValue(package, out var own) ? own : Farm;

    /// <summary>The word that the database and people have for a policy.</summary>
    public static string WordOf(UpstreamPolicy policy) => MemberNames.Of(policy).ToLowerInvariant();

    /// <summary>Reads what <see cref="WordOf"/> writes, and nothing else.</summary>
    public static bool TryParseWord(string? word, out UpstreamPolicy policy)
    {
        foreach (var each in Enum.GetValues<UpstreamPolicy>())
        {
            policy = each;
            if (WordOf(each) == word) return true;
        }

        policy = default;
        return false;
    }
}

/// <summary>A package whose policy is to take effect, by what the index has of it now.</summary>
/// <param name="Revision">To be told when it has: what was entered since is still owed.</param>
public sealed record UpstreamOwed(PackageName Package, UpstreamPolicy Policy, long Revision);

/// <summary>A wheel that the index has itself.</summary>
/// <param name="Version">As the farm spells it.</param>
/// <param name="Url">Absolute, by http or https, without a fragment.</param>
/// <param name="FileHash">SHA-256 in lower-case hexadecimal.</param>
/// <param name="FileSize">In bytes; null where the index does not tell.</param>
/// <param name="Metadata">Whether its core metadata can be had beside it (PEP 658).</param>
/// <param name="Uploaded">When; null where the index does not tell.</param>
/// <param name="PyVersionTag">The tags as in the file's name, in lower case.</param>
public sealed record UpstreamWheel(
    string Version,
    string Filename,
    string Url,
    string FileHash,
    long? FileSize,
    string? RequiresPython,
    bool Yanked,
    bool Metadata,
    DateTimeOffset? Uploaded,
    string PyVersionTag,
    string AbiTag,
    string PlatformTag);

/// <summary>The part of <see cref="IDatabase"/> that is about upstream's own wheels.</summary>
public interface IUpstreamWheels
{
    Task<UpstreamPolicies> GetUpstreamPoliciesAsync();

    /// <summary>Enters packages whose files at the index are to be read; unknown ones are passed over.</summary>
    Task OweUpstreamAsync(IReadOnlyList<PackageName> packages);

    /// <summary>Whose files are to be read, or forgotten where the policy is to rebuild; the longest waiting first.</summary>
    Task<IReadOnlyList<UpstreamOwed>> GetUpstreamOwedAsync(int limit);

    /// <summary>
    /// Has the policy that a package has now take effect, and strikes out what was owed up to that revision. What that
    /// covers is built no more, what it covers no longer is, and the pages are owed. Nothing for an unknown package.
    /// </summary>
    /// <param name="wheels">
    /// All wheels that the index has of the package; those of unknown versions are left out. Null where its page cannot
    /// be read, or need not: what was known stays.
    /// </param>
    Task SetUpstreamWheelsAsync(PackageName package, IReadOnlyList<UpstreamWheel>? wheels, long revision);
}
