using System.Text.RegularExpressions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Which names of the index are followed: those on the allow list (all, where it is empty) that are not on the block
/// list. Entries are names in any spelling, with <c>*</c> for any characters and <c>?</c> for one.
/// </summary>
public sealed class FollowedNames
{
    /// <summary>Every name.</summary>
    public static readonly FollowedNames All = new([], []);

    private readonly NamePatterns _allowed;
    private readonly NamePatterns _blocked;

    /// <exception cref="FormatException">An entry has a character that no name has, or is too long; the text says
    /// which entry.</exception>
    public FollowedNames(IReadOnlyList<string> allowed, IReadOnlyList<string> blocked)
    {
        _allowed = new NamePatterns(allowed);
        _blocked = new NamePatterns(blocked);
        Lists = new NameLists(_allowed.Entries, _blocked.Entries);
    }

    /// <summary>As they were kept.</summary>
    public FollowedNames(NameLists lists)
        : this(NotNull(lists).Only, lists.Never)
    {
    }

    /// <summary>The lists, in canonical spelling and in order.</summary>
    public NameLists Lists { get; }

    /// <summary>Whether that is every name.</summary>
    public bool AreAll => _allowed.IsEmpty && _blocked.IsEmpty;

    /// <summary>
    /// The names on the allow list, where it has no wildcards; null where the index alone can tell which there are.
    /// </summary>
    public IReadOnlyList<PackageName>? Named => _allowed.Names;

    public bool Contains(PackageName package) =>
        (_allowed.IsEmpty || _allowed.Match(package.Value)) && !_blocked.Match(package.Value);

    /// <summary>
    /// Whether the lists show that others contain all of these; what several patterns say together is not looked at.
    /// </summary>
    public bool AreAmong(FollowedNames others)
    {
        ArgumentNullException.ThrowIfNull(others);
        var (mine, theirs) = (Lists, others.Lists);
        return (theirs.Only.Count == 0 || (mine.Only.Count > 0 && !mine.Only.Except(theirs.Only).Any()))
            && !theirs.Never.Except(mine.Never).Any();
    }

    private static NameLists NotNull(NameLists? lists) => lists ?? throw new ArgumentNullException(nameof(lists));

    private sealed class NamePatterns
    {
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private readonly Regex? _wild;

        internal NamePatterns(IReadOnlyList<string> entries)
        {
            Entries = [.. entries.Select(CanonicalOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            var wild = Entries.Where(IsWild).Select(Expression).ToList();
            _names.UnionWith(Entries.Where(entry => !IsWild(entry)));
            // Without backtracking: the time is linear in the name, whatever somebody writes
            if (wild.Count > 0)
                _wild = new Regex(
                    $"^(?:{string.Join('|', wild)})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }

        internal IReadOnlyList<string> Entries { get; }

        internal bool IsEmpty => Entries.Count == 0;

        internal IReadOnlyList<PackageName>? Names =>
            IsEmpty || _wild is not null ? null : [.. Entries.Select(PackageName.Parse)];

        internal bool Match(string name) => _names.Contains(name) || _wild?.IsMatch(name) == true;

        private static string CanonicalOf(string entry)
        {
            var canonical = PackageName.Canonicalize(entry);
            var isPattern = entry.Length is > 0 and <= PackageName.LengthMax && entry.All(IsOfName);
            return isPattern && (IsWild(entry) || PackageName.TryParse(entry, out _))
                ? canonical
                : throw new FormatException($"'{Excerpt.Of(entry)}' is no package name, and no pattern of one");
        }

        private static bool IsWild(string entry) => entry.AsSpan().ContainsAny('*', '?');

        private static bool IsOfName(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '*' or '?';

        private static string Expression(string pattern) => Regex.Escape(pattern)
            .Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal);
    }
}
