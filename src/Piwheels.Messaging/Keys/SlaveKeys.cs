using System.Collections.Frozen;

namespace Piwheels.Messaging.Keys;

/// <summary>A slave's key, under the name that the operator gave it.</summary>
/// <param name="Line">Where it stands in its file, from 1.</param>
public sealed record SlaveKey(string Name, PublicKey Key, int Line);

/// <summary>
/// The slaves that may connect with their keys: a text with a line each, of a name and a public key. Lines that begin
/// with # are comments, as is what follows a key after a blank and #.
/// </summary>
public sealed class SlaveKeys
{
    public const int KeysMax = 10_000;

    public const int LineLengthMax = 500;

    public const int NameLengthMax = 64;

    public static readonly SlaveKeys None = new([]);

    private readonly FrozenDictionary<string, string> _names;

    private SlaveKeys(IReadOnlyList<SlaveKey> all)
    {
        All = all;
        _names = all.ToFrozenDictionary(
            static slave => slave.Key.Text, static slave => slave.Name, StringComparer.Ordinal);
    }

    /// <summary>In the order of their lines.</summary>
    public IReadOnlyList<SlaveKey> All { get; }

    /// <param name="key">As Z85 text.</param>
    public bool Has(string key) => _names.ContainsKey(key);

    /// <summary>Whose key it is; null where it is nobody's of these.</summary>
    public string? NameOf(string key) => _names.GetValueOrDefault(key);

    public SlaveKey? Find(string name) => All.FirstOrDefault(slave => slave.Name == name);

    /// <summary>Letters, digits, dots, hyphens and underscores, beginning with a letter or digit.</summary>
    public static bool IsName(string text) =>
        text.Length is > 0 and <= NameLengthMax && char.IsAsciiLetterOrDigit(text[0])
        && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <param name="file">What the text is called in what is said of it.</param>
    /// <exception cref="KeyException">Some lines are wrong: each is told, with its number.</exception>
    public static SlaveKeys Parse(string text, string file)
    {
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        var keys = new Dictionary<PublicKey, int>();
        var slaves = new List<SlaveKey>();
        var problems = new List<string>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (slaves.Count == KeysMax)
            {
                problems.Add($"line {number}: there are more than {KeysMax} keys");
                break;
            }

            switch (ReadLine(line.Trim(), number))
            {
                case (null, null):
                    continue;
                case (null, { } problem):
                    problems.Add($"line {number}: {problem}");
                    continue;
                case ({ } slave, _) when !names.TryAdd(slave.Name, number):
                    problems.Add($"line {number}: {slave.Name} has a key already, in line {names[slave.Name]}");
                    continue;
                case ({ } slave, _) when !keys.TryAdd(slave.Key, number):
                    problems.Add($"line {number}: the key of {slave.Name} is that of line {keys[slave.Key]}");
                    continue;
                case ({ } slave, _):
                    slaves.Add(slave);
                    continue;
            }
        }

        return problems.Count == 0 ? new SlaveKeys(slaves) : throw new KeyException(file, problems);
    }

    /// <summary>The slave of a line, or what is wrong with it; neither for a comment or an empty line.</summary>
    private static (SlaveKey? Slave, string? Problem) ReadLine(string line, int number)
    {
        if (line.Length == 0 || line[0] == '#') return (null, null);
        if (line.Length > LineLengthMax) return (null, $"it has more than {LineLengthMax} characters");
        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2 || (words.Length > 2 && words[2][0] != '#'))
            return (null, "a line is a name and a key, with a blank between them");
        if (!IsName(words[0]))
            return (null, $"a name has at most {NameLengthMax} letters, digits, dots, hyphens and underscores");
        return PublicKey.TryParse(words[1], out var key)
            ? (new SlaveKey(words[0], key, number), null)
            : (null, $"the second word is no public key, which has {PublicKey.TextLength} characters of Z85");
    }
}
