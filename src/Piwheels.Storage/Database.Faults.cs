using System.Text;
using Npgsql;
using Piwheels.Core.Database;

namespace Piwheels.Storage;

/// <content>What a fault means, and what becomes of the connections.</content>
public sealed partial class Database
{
    /// <summary>
    /// Classes of errors (PostgreSQL documentation, appendix A) that are not about what was asked: no connection, no
    /// room, a lock, an operator's or the system's doing.
    /// </summary>
    private static readonly string[] PassingClasses = ["08", "40", "53", "57", "58"];

    /// <summary>Cancelled when this object shall have nothing more to wait for.</summary>
    private readonly CancellationTokenSource _abandoned = new();

    /// <summary>
    /// Gives up all that is under way, and refuses whatever else is asked, as transient: for a program that ends and
    /// must not wait for a server that hangs. Does not wait itself. From any thread.
    /// </summary>
    public void Abandon() => _abandoned.Cancel();

    /// <summary>Runs a command; what goes wrong with it becomes a <see cref="DatabaseException"/>.</summary>
    private async Task RunAsync(NpgsqlCommand command, Func<CancellationToken, Task> run, CancellationToken cancel)
    {
        try
        {
            // Npgsql's own cancellation asks the server, on the thread that cancels, and waits for it: no way to leave
            // one that hangs
            await RunAndDisposeAsync(command, run, cancel).WaitAsync(_abandoned.Token);
            _outage.Answered();
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Noted(e);
        }
        catch (OperationCanceledException e) when (_abandoned.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new DatabaseException("the program ends", transient: true, e);
        }
    }

    private static async Task RunAndDisposeAsync(
        NpgsqlCommand command, Func<CancellationToken, Task> run, CancellationToken cancel)
    {
        await using (command) await run(cancel);
    }

    /// <summary>
    /// The fault as callers see it. One is enough for all connections that there are: Npgsql closes the idle ones when
    /// one of them breaks.
    /// </summary>
    private DatabaseException Noted(Exception e)
    {
        var fault = Fault(e);
        if (!IsOutage(e)) return fault;
        _outage.Failed(fault.Message);
        return fault;
    }

    /// <summary>Whether callers shall see it as <see cref="Fault"/> says; other exceptions are our own errors.</summary>
    internal static bool IsFault(Exception e) => e is NpgsqlException or TimeoutException or EncoderFallbackException;

    internal static DatabaseException Fault(Exception e) => e switch
    {
        PostgresException p => new DatabaseException(p.MessageText, IsTransient(p), p),
        NpgsqlException n => new DatabaseException(Reason(n), n.IsTransient || n.InnerException is IOException, n),
        EncoderFallbackException => new DatabaseException("a text is no valid Unicode", false, e),
        _ => new DatabaseException(e.Message, true, e),
    };

    /// <summary>Npgsql's own message says that something failed while reading; the inner one says what.</summary>
    private static string Reason(NpgsqlException e) =>
        e.InnerException is { } inner && inner is not PostgresException ? $"{e.Message}: {inner.Message}" : e.Message;

    /// <summary>
    /// A server that ends a session or does not begin one (FATAL) has not judged what was asked, whatever its reason; nor
    /// has one that cannot write just now.
    /// </summary>
    private static bool IsTransient(PostgresException e) =>
        EndsSession(e) || e.IsTransient || e.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction
        || PassingClasses.Contains(e.SqlState[..2]);

    /// <summary>Whether the server is away: not only this request was hit.</summary>
    private static bool IsOutage(Exception e) => e switch
    {
        PostgresException p => EndsSession(p),
        NpgsqlException n => n.IsTransient || n.InnerException is IOException,
        _ => e is TimeoutException,
    };

    private static bool EndsSession(PostgresException e) => e.InvariantSeverity is "FATAL" or "PANIC";
}
