using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 35_upstream_wheels.sql.</content>
public sealed partial class Database
{
    public async Task<UpstreamPolicies> GetUpstreamPoliciesAsync()
    {
        var farm = UpstreamPolicy.Rebuild;
        var own = new Dictionary<PackageName, UpstreamPolicy>();
        await EachAsync(
            Call("SELECT package, policy FROM get_upstream_policies()"),
            row =>
            {
                var policy = ReadPolicy(row.GetString(1));
                if (row.IsDBNull(0)) farm = policy;
                else own.Add(Name(row, 0), policy);
            },
            default);
        return new UpstreamPolicies(farm, own);
    }

    /// <summary>
    /// Sets the policy of all packages that have none of their own; false when it is that already. It takes effect
    /// package by package, by whoever follows the index.
    /// </summary>
    public async Task<bool> SetUpstreamPolicyAsync(UpstreamPolicy policy) =>
        await AskAsync(Call("SELECT set_upstream_policy($1)", Text(UpstreamPolicies.WordOf(policy))), r => r.GetBoolean(0));

    /// <summary>
    /// Sets a package's own policy, or takes it back where null. The package may be unknown yet. False when its wheels
    /// are treated as before. Takes effect as <see cref="SetUpstreamPolicyAsync(UpstreamPolicy)"/>.
    /// </summary>
    public async Task<bool> SetUpstreamPolicyAsync(PackageName package, UpstreamPolicy? policy) =>
        await AskAsync(
            Call(
                "SELECT set_package_upstream_policy($1, $2)",
                Text(package), Text(policy is { } own ? UpstreamPolicies.WordOf(own) : null)),
            r => r.GetBoolean(0));

    /// <summary>For how many packages a policy has not taken effect yet.</summary>
    public async Task<long> CountUpstreamOwedAsync() =>
        await AskAsync(Call("SELECT count_upstream_owed()"), r => r.GetInt64(0));

    public Task OweUpstreamAsync(IReadOnlyList<PackageName> packages) =>
        DoAsync(Call("SELECT owe_upstream($1)", Texts(packages.Select(p => p.Value))));

    public async Task<IReadOnlyList<UpstreamOwed>> GetUpstreamOwedAsync(int limit) =>
        await ListAsync(
            Call("SELECT package, policy, revision FROM get_upstream_owed($1)", Number(limit)),
            r => new UpstreamOwed(Name(r, 0), ReadPolicy(r.GetString(1)), r.GetInt64(2)));

    public Task SetUpstreamWheelsAsync(PackageName package, IReadOnlyList<UpstreamWheel>? wheels, long revision)
    {
        // A page has few different ones, and thousands of files
        var pythons = (wheels ?? []).Select(w => w.RequiresPython).OfType<string>().Distinct(StringComparer.Ordinal)
            .ToDictionary(text => text, MultirangeOf, StringComparer.Ordinal);
        return DoAsync(Call(
            """
            SELECT set_upstream_wheels(
                $1, $2, $3, $4, $5, $6, $7, $8, $9::int4multirange[], $10, $11, $12, $13, $14, $15)
            """,
            Text(package), Number(revision),
            Texts(wheels, w => w.Version), Texts(wheels, w => w.Filename), Texts(wheels, w => w.Url),
            Texts(wheels, w => w.FileHash),
            Values(NpgsqlDbType.Bigint, wheels, w => w.FileSize),
            Texts(wheels, w => w.RequiresPython),
            Texts(wheels, w => w.RequiresPython is { } text ? pythons[text] : null),
            Values(NpgsqlDbType.Boolean, wheels, w => w.Yanked),
            Values(NpgsqlDbType.Boolean, wheels, w => w.Metadata),
            Values(NpgsqlDbType.TimestampTz, wheels, w => w.Uploaded?.ToUniversalTime()),
            Texts(wheels, w => w.PyVersionTag), Texts(wheels, w => w.AbiTag), Texts(wheels, w => w.PlatformTag)));
    }

    /// <summary>The Pythons that are let in as the server writes such ranges; null for all.</summary>
    internal static string? MultirangeOf(string? requiresPython) =>
        RequiredPython.RangesOf(requiresPython) is { } ranges
            ? $"{{{string.Join(',', ranges.Select(r => string.Create(CultureInfo.InvariantCulture, $"[{r.From},{r.To})")))}}}"
            : null;

    private static NpgsqlParameter Texts(IReadOnlyList<UpstreamWheel>? wheels, Func<UpstreamWheel, string?> field) =>
        Values(NpgsqlDbType.Text, wheels, field);

    /// <summary>One element a wheel; null without wheels.</summary>
    private static NpgsqlParameter Values<T>(
        NpgsqlDbType type, IReadOnlyList<UpstreamWheel>? wheels, Func<UpstreamWheel, T> field) => new NpgsqlParameter
        {
            Value = wheels is null ? DBNull.Value : wheels.Select(field).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | type,
        };

    private static UpstreamPolicy ReadPolicy(string text) =>
        UpstreamPolicies.TryParseWord(text, out var policy)
            ? policy
            : throw new InvalidDataException($"upstream policy '{text}'");
}
