namespace Piwheels.Messaging.Keys;

/// <summary>A file of keys cannot be used; the message is one line for people, and holds no secret.</summary>
public sealed class KeyException : Exception
{
    public KeyException(string message, Exception? inner = null)
        : base(message, inner) => Problems = [message];

    /// <param name="file">The file that they are of.</param>
    /// <param name="problems">A line each, at least one.</param>
    public KeyException(string file, IReadOnlyList<string> problems)
        : base(problems.Count == 1
            ? $"{file}: {problems[0]}"
            : $"{file}: {problems[0]}; and {problems.Count - 1} more of its lines are wrong") =>
        Problems = [.. problems.Select(problem => $"{file}: {problem}")];

    /// <summary>All that is wrong, a line each.</summary>
    public IReadOnlyList<string> Problems { get; }
}
