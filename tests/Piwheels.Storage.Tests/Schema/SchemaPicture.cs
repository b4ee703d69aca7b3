using Piwheels.Testing;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>
/// All that makes up a schema, a line each, as the catalogs have it: two databases with the same lines work alike.
/// Partitions are left out, since rows make them.
/// </summary>
internal static class SchemaPicture
{
    private const string Lines = """
        WITH
            relations AS (
                SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE nspname !~ '^(pg_.*|information_schema)$' AND NOT relispartition AND relkind NOT IN ('i', 'I', 't')),
            functions AS (
                SELECT p.*, p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE nspname !~ '^(pg_.*|information_schema)$')
        SELECT format('relation %s: kind %s, %s, %s, owned by %s, comment %L', name, relkind, relpersistence,
            reloptions, relowner::regrole, obj_description(oid, 'pg_class')) FROM relations
        UNION ALL
        SELECT format('grant on %s: %s', r.name, a) FROM relations r,
            unnest(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) a
        UNION ALL
        SELECT format('column %s of %s: %s %s%s%s%s%s, comment %L',
            row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), r.name, a.attname,
            format_type(a.atttypid, a.atttypmod),
            ' collate ' || (SELECT collname FROM pg_collation l WHERE l.oid = a.attcollation),
            CASE WHEN attnotnull THEN ' not null' END,
            CASE attgenerated::text WHEN '' THEN ' default ' ELSE ' computed ' END || pg_get_expr(d.adbin, d.adrelid),
            ' identity ' || nullif(attidentity, '')::text, col_description(r.oid, a.attnum))
        FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
        WHERE r.relkind <> 'S'
        UNION ALL
        SELECT format('constraint %s of %s: %s, checked %s', conname, r.name, pg_get_constraintdef(c.oid), convalidated)
        FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
        UNION ALL
        SELECT format('index of %s: %s, valid %s', r.name, pg_get_indexdef(i.indexrelid), indisvalid)
        FROM pg_index i JOIN relations r ON r.oid = i.indrelid
        UNION ALL
        SELECT format('view %s: %s', name, pg_get_viewdef(oid)) FROM relations WHERE relkind IN ('v', 'm')
        UNION ALL
        SELECT format('trigger of %s: %s, enabled %s', r.name, pg_get_triggerdef(t.oid), tgenabled)
        FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT tgisinternal
        UNION ALL
        SELECT format('partitioning of %s: %s', name, pg_get_partkeydef(oid)) FROM relations WHERE relkind = 'p'
        UNION ALL
        SELECT format('sequence %s: %s from %s by %s to %s, of %s', r.name, format_type(seqtypid, NULL), seqstart,
            seqincrement, seqmax, (SELECT refobjid::regclass || '.' || refobjsubid FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')))
        FROM pg_sequence s JOIN relations r ON r.oid = s.seqrelid
        UNION ALL
        SELECT format('function %s: %s, owned by %s, comment %L', name, pg_get_functiondef(oid), proowner::regrole,
            obj_description(oid, 'pg_proc')) FROM functions WHERE prokind <> 'a'
        UNION ALL
        SELECT format('grant on %s: %s', f.name, a) FROM functions f, unnest(coalesce(proacl, acldefault('f', proowner))) a
        UNION ALL
        SELECT format('type %s', oid::regtype) FROM pg_type
        WHERE typtype IN ('e', 'd', 'r') AND typnamespace = 'public'::regnamespace
        UNION ALL
        SELECT format('grant on the schema %s: %s', nspname, a) FROM pg_namespace, unnest(nspacl) a
        WHERE nspname !~ '^(pg_.*|information_schema)$'
        """;

    /// <summary>The lines in order.</summary>
    public static async Task<IReadOnlyList<string>> OfAsync(TestDatabase store) =>
        [.. (await store.ColumnAsync(Lines)).Order(StringComparer.Ordinal)!];

    /// <summary>Lines that only one of two pictures has, with whose they are; none when the schemas are the same.</summary>
    public static IReadOnlyList<string> Differences(
        IReadOnlyList<string> first, string firstName, IReadOnlyList<string> second, string secondName) =>
    [
        .. first.Except(second).Select(line => $"only {firstName}: {line}"),
        .. second.Except(first).Select(line => $"only {secondName}: {line}"),
    ];
}
