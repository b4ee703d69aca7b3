using System.Text.RegularExpressions;
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

    /// <exception cref="FormatException">An entry has a character that no name has; the text says which
    /// entry.</exception>
    public FollowedNames(IReadOnlyList<string> allowed, IReadOnlyList<string> blocked)
    {
        _allowed = new NamePatterns(allowed);
        _blocked = new NamePatterns(blocked);
    }

    public bool Contains(PackageName package) =>
        (_allowed.IsEmpty || _allowed.Match(package.Value)) && !_blocked.Match(package.Value);

    private sealed class NamePatterns
    {
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private readonly Regex? _wild;

        internal NamePatterns(IReadOnlyList<string> entries)
        {
            var wild = new List<string>();
            foreach (var entry in entries)
            {
                if (entry.Length == 0 || !entry.All(IsOfName))
                    throw new FormatException($"'{Excerpt.Of(entry)}' is no package name, and no pattern of one");
                var canonical = PackageName.Canonicalize(entry);
                if (canonical.AsSpan().ContainsAny('*', '?')) wild.Add(Expression(canonical));
                else _names.Add(canonical);
            }

            // Without backtracking: the time is linear in the name, whatever somebody writes
            if (wild.Count > 0)
                _wild = new Regex(
                    $"^(?:{string.Join('|', wild)})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }

        internal bool IsEmpty => _names.Count == 0 && _wild is null;

        internal bool Match(string name) => _names.Contains(name) || _wild?.IsMatch(name) == true;

        private static bool IsOfName(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '*' or '?';

        private static string Expression(string pattern) => Regex.Escape(pattern)
            .Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal);
    }
}
