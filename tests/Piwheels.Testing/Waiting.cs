namespace Piwheels.Testing;

/// <summary>A test waits for an event, never for a time to pass; but not for ever.</summary>
public static class Waiting
{
    /// <summary>Far more than anything here takes, also on a busy machine.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task Within(this Task task) => task.WaitAsync(Limit);

    public static Task<T> Within<T>(this Task<T> task) => task.WaitAsync(Limit);
}
