using System.Collections.Frozen;

namespace Piwheels.Core.Database;

/// <summary>Members of an enumeration as the database and the master's own queues spell them: in capitals.</summary>
public static class MemberNames
{
    public static string Of<T>(T member)
        where T : struct, Enum => Table<T>.Names[member];

    /// <summary>Reads what <see cref="Of"/> writes, and nothing else.</summary>
    public static bool TryParse<T>(string text, out T member)
        where T : struct, Enum => Table<T>.Members.TryGetValue(text, out member);

    private static class Table<T>
        where T : struct, Enum
    {
        internal static readonly FrozenDictionary<T, string> Names =
            Enum.GetValues<T>().ToFrozenDictionary(m => m, m => m.ToString().ToUpperInvariant());

        internal static readonly FrozenDictionary<string, T> Members =
            Names.ToFrozenDictionary(n => n.Value, n => n.Key, StringComparer.Ordinal);
    }
}
