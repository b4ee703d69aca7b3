namespace Piwheels.Core.Packaging;

/// <summary>The parts of a version, and the grammar that finds them in a text (PEP 440, appendix B).</summary>
internal sealed record VersionParts(
    Numeral Epoch,
    IReadOnlyList<Numeral> Release,
    (string Phase, Numeral Number)? Pre,
    Numeral? Post,
    Numeral? Dev,
    IReadOnlyList<LocalSegment> Local)
{
    // Longer spellings first, where one begins with another
    private static readonly (string Spelling, string Phase)[] PrePhases =
    [
        ("alpha", "a"), ("a", "a"), ("beta", "b"), ("b", "b"), ("preview", "rc"), ("pre", "rc"), ("rc", "rc"), ("c", "rc"),
    ];

    private static readonly string[] PostSpellings = ["post", "rev", "r"];

    internal static bool TryRead(ReadOnlySpan<char> text, out VersionParts parts)
    {
        var cursor = new Cursor(text);
        parts = new VersionParts(default, [], null, null, null, []);
        _ = cursor.TakeWord("v");
        if (!cursor.TakeDigits(out var first)) return false;
        Numeral epoch = default;
        if (cursor.Take('!'))
        {
            epoch = first;
            if (!cursor.TakeDigits(out first)) return false;
        }

        var release = cursor.TakeRelease(first);
        var pre = cursor.TakePre();
        var post = cursor.TakePost();
        var dev = cursor.TakeSuffix(["dev"]);
        if (!cursor.TakeLocal(out var local) || !cursor.AtEnd) return false;
        parts = new VersionParts(epoch, release, pre, post, dev, local);
        return true;
    }

    /// <summary>
    /// Reads from left to right without going back: each part can be told from the next by what it begins with.
    /// </summary>
    private ref struct Cursor(ReadOnlySpan<char> text)
    {
        private ReadOnlySpan<char> _rest = text;

        public readonly bool AtEnd => _rest.IsEmpty;

        public bool Take(char c)
        {
            if (_rest.IsEmpty || _rest[0] != c) return false;
            _rest = _rest[1..];
            return true;
        }

        public bool TakeWord(string word)
        {
            // ASCII letters alone: ordinal case folding would let the long s pass for an s
            if (!_rest.StartsWith(word, StringComparison.OrdinalIgnoreCase)) return false;
            if (_rest[..word.Length].ContainsAnyExceptInRange('\0', '\u007f')) return false;
            _rest = _rest[word.Length..];
            return true;
        }

        public bool TakeDigits(out Numeral number)
        {
            var length = 0;
            while (length < _rest.Length && char.IsAsciiDigit(_rest[length])) length++;
            number = Numeral.FromDigits(_rest[..length]);
            _rest = _rest[length..];
            return length > 0;
        }

        public List<Numeral> TakeRelease(Numeral first)
        {
            var release = new List<Numeral> { first };
            while (_rest.Length > 1 && _rest[0] == '.' && char.IsAsciiDigit(_rest[1]))
            {
                _rest = _rest[1..];
                _ = TakeDigits(out var number);
                release.Add(number);
            }

            return release;
        }

        public (string Phase, Numeral Number)? TakePre()
        {
            foreach (var (spelling, phase) in PrePhases)
            {
                if (TakeSuffix([spelling]) is { } number) return (phase, number);
            }

            return null;
        }

        public Numeral? TakePost()
        {
            if (_rest.Length <= 1 || _rest[0] != '-' || !char.IsAsciiDigit(_rest[1])) return TakeSuffix(PostSpellings);
            _rest = _rest[1..];
            _ = TakeDigits(out var number);
            return number;
        }

        /// <summary>Takes an optional separator, one of the words, an optional separator and an optional number.</summary>
        public Numeral? TakeSuffix(scoped ReadOnlySpan<string> words)
        {
            var start = _rest;
            TakeSeparator();
            foreach (var word in words)
            {
                if (!TakeWord(word)) continue;
                TakeSeparator();
                _ = TakeDigits(out var number);
                return number;
            }

            _rest = start;
            return null;
        }

        /// <summary>Takes a local version where one begins; false when it is malformed.</summary>
        public bool TakeLocal(out List<LocalSegment> segments)
        {
            segments = [];
            if (!Take('+')) return true;
            do
            {
                var length = 0;
                while (length < _rest.Length && char.IsAsciiLetterOrDigit(_rest[length])) length++;
                if (length == 0) return false;
                segments.Add(Segment(_rest[..length]));
                _rest = _rest[length..];
            }
            while (TakeSeparator());

            return true;
        }

        private static LocalSegment Segment(ReadOnlySpan<char> text)
        {
            if (text.ContainsAnyExceptInRange('0', '9')) return new LocalSegment(null, text.ToString().ToLowerInvariant());
            var number = Numeral.FromDigits(text);
            return new LocalSegment(number, number.Digits);
        }

        private bool TakeSeparator() => Take('.') || Take('-') || Take('_');
    }
}
