namespace Piwheels.Core.Packaging;

/// <summary>Patterns of names: <c>*</c> stands for any characters, <c>?</c> for one.</summary>
public static class Wildcard
{
    /// <summary>Whether a text has a wildcard at all.</summary>
    public static bool IsIn(ReadOnlySpan<char> text) => text.ContainsAny('*', '?');

    /// <summary>Whether the whole text is as the pattern says; in a time proportional to the product of both lengths.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        // Only the last star needs to be tried again: an earlier one has already taken the least that it can
        var (at, star, from) = (0, -1, 0);
        for (var i = 0; i < text.Length;)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                (star, from) = (at++, i);
            }
            else if (at < pattern.Length && (pattern[at] == '?' || pattern[at] == text[i]))
            {
                at++;
                i++;
            }
            else if (star >= 0)
            {
                at = star + 1;
                i = ++from;
            }
            else
            {
                return false;
            }
        }

        return pattern[at..].TrimStart('*').IsEmpty;
    }
}
