using Piwheels.Bench.Places;

namespace Piwheels.Bench.Generating;

/// <summary>
/// Primary keys, other indexes and foreign keys, taken off while tables are filled and put back afterwards: sorting all
/// keys once is many times faster than entering each.
/// </summary>
internal sealed class SetAsideKeys
{
    /// <summary>Foreign keys of all tables, and the keys of those that are filled, in the order to make them.</summary>
    private const string Find = """
        WITH filled AS (
            SELECT name::regclass AS id, place FROM unnest(array[{tables}]) WITH ORDINALITY AS t (name, place))
        SELECT
            format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)),
            format('foreign key %s.%s', c.conrelid::regclass, c.conname), 3 AS rank, 0 AS place
        FROM pg_constraint c
        WHERE c.contype = 'f' AND c.conparentid = 0 AND c.connamespace = 'public'::regnamespace
            AND (c.conrelid IN (SELECT id FROM filled) OR c.confrelid IN (SELECT id FROM filled))
        UNION ALL
        SELECT
            format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)),
            format('key %s.%s', c.conrelid::regclass, c.conname), 1, f.place
        FROM pg_constraint c JOIN filled f ON f.id = c.conrelid
        WHERE c.contype IN ('p', 'u')
        UNION ALL
        SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid),
            format('index %s', i.indexrelid::regclass), 2, f.place
        FROM pg_index i JOIN filled f ON f.id = i.indrelid
        WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
        ORDER BY rank, place
        """;

    private readonly List<Key> _keys;

    private SetAsideKeys(List<Key> keys) => _keys = keys;

    /// <summary>Takes the keys of these tables off, the last first, so that nothing depends on what goes.</summary>
    public static async Task<SetAsideKeys> TakeAsync(
        BenchDatabase database, IEnumerable<string> tables, CancellationToken cancel)
    {
        var names = string.Join(", ", tables.Select(t => $"'{t}'"));
        var keys = await database.ListAsync(
            Find.Replace("{tables}", names, StringComparison.Ordinal),
            r => new Key(r.GetString(0), r.GetString(1), r.GetString(2)),
            cancel);
        foreach (var key in Enumerable.Reverse(keys)) await database.RunAsync(key.Drop, cancel);
        return new SetAsideKeys(keys);
    }

    /// <summary>What is to be done to put them back, in order: keys, then indexes, then foreign keys.</summary>
    public IEnumerable<(string Name, string Sql)> Back => _keys.Select(k => (k.Name, k.Create));

    private sealed record Key(string Drop, string Create, string Name);
}
