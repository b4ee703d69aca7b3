using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Piwheels.Cli.Administration;

/// <summary>What commands list for programs.</summary>
internal static class Listings
{
    public static void Write(TargetListing[] targets) => Write(targets, ListingsContext.Default.TargetListingArray);

    public static void Write(PolicyListing policies) => Write(policies, ListingsContext.Default.PolicyListing);

    public static void Write(RetryListing[] builds) => Write(builds, ListingsContext.Default.RetryListingArray);

    public static void Write(QueueListing queue) => Write(queue, ListingsContext.Default.QueueListing);

    private static void Write<T>(T listing, JsonTypeInfo<T> type) =>
        Console.WriteLine(JsonSerializer.Serialize(listing, type));
}

/// <summary>What a farm builds for.</summary>
/// <param name="Glibc">The oldest C library of its machines, or none; null where nobody told.</param>
/// <param name="Skip">Why nothing is built for it; empty where it is.</param>
/// <param name="SettledPercent">How far a change of it has taken effect; null where none is under way.</param>
/// <param name="Removed">It is on its way out.</param>
internal sealed record TargetListing(
    string Abi, string Platform, string? Glibc, string Skip, int? SettledPercent, bool Removed);

/// <param name="All">The policy of packages without one of their own; null where single packages were asked for.</param>
/// <param name="Packages">By name.</param>
/// <param name="StillToRead">Packages of which it is not known yet what upstream has.</param>
internal sealed record PolicyListing(string? All, IReadOnlyDictionary<string, string> Packages, long StillToRead);

/// <summary>A build that is tried again.</summary>
/// <param name="RetryAt">When it is due; null where it waits for a slave.</param>
/// <param name="Attempt">The number of the next attempt, the first being 1.</param>
internal sealed record RetryListing(
    string Package, string Version, string Abi, string Platform, DateTimeOffset? RetryAt, int Attempt, string Failure);

/// <summary>What an audit of the build queue found.</summary>
internal sealed record QueueListing(
    bool Clean, IReadOnlyList<QueueLengthListing> Targets, IReadOnlyList<QueueDifferenceListing> Differences);

/// <param name="Kept">Rows of the queue.</param>
/// <param name="Counted">What is told of it.</param>
internal sealed record QueueLengthListing(string? Abi, string? Platform, long Kept, long Counted);

/// <param name="Kind">missing, extra or out of date.</param>
internal sealed record QueueDifferenceListing(string Package, string Version, string Abi, string Platform, string Kind);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(TargetListing[]))]
[JsonSerializable(typeof(PolicyListing))]
[JsonSerializable(typeof(RetryListing[]))]
[JsonSerializable(typeof(QueueListing))]
internal sealed partial class ListingsContext : JsonSerializerContext;
