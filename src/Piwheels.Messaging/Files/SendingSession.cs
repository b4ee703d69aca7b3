using Piwheels.Core.Units;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Files;

/// <summary>What the sending side of a file does next.</summary>
public abstract record SendStep
{
    private SendStep()
    {
    }

    /// <summary>Say HELLO.</summary>
    public sealed record SayHello : SendStep;

    /// <summary>Send exactly this range of the file.</summary>
    public sealed record SendChunk(long Offset, int Length) : SendStep;

    /// <summary>The receiver has every byte.</summary>
    public sealed record Finish : SendStep;

    /// <summary>It cannot be done.</summary>
    public sealed record GiveUp(string Reason) : SendStep;

    /// <summary>Wait for the receiver, at most this long.</summary>
    public sealed record Wait(TimeSpan Limit) : SendStep;

    /// <summary>The receiver said something that is not to be answered.</summary>
    public sealed record Ignore(string Reason) : SendStep;
}

/// <summary>
/// The sending side of one file on the file queue: HELLO at once and after each silence, one chunk for each FETCH,
/// until DONE.
/// </summary>
public sealed class SendingSession
{
    /// <summary>After this silence the sender says HELLO again: its FETCHes or its chunks may be lost.</summary>
    public static readonly TimeSpan HelloInterval = TimeSpan.FromSeconds(5);

    /// <summary>The longest silence before the sender gives up, unless it is told otherwise.</summary>
    public static readonly TimeSpan DefaultSilenceMax = TimeSpan.FromMinutes(5);

    /// <summary>The longest range that is answered, in bytes; masters ask for 65,536.</summary>
    public const int FetchBytesMax = 1024 * 1024;

    /// <summary>How often, on the average, each byte may be asked for.</summary>
    public const int RepeatsMax = 16;

    private readonly long _fileSize;
    private readonly TimeSpan _silenceMax;
    private readonly long _bytesMax;
    private long _bytesSent;
    private DateTimeOffset _heardAt;
    private DateTimeOffset? _helloAt;

    public SendingSession(long fileSize, DateTimeOffset now, TimeSpan? silenceMax = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fileSize);
        _fileSize = fileSize;
        _silenceMax = silenceMax ?? DefaultSilenceMax;
        _bytesMax = checked((fileSize + FetchBytesMax) * RepeatsMax);
        _heardAt = now;
    }

    /// <summary>What is due while nothing has come.</summary>
    public SendStep Tick(DateTimeOffset now)
    {
        if (now - _heardAt >= _silenceMax) return new SendStep.GiveUp($"the receiver was silent for {DurationText.Show(_silenceMax)}");
        var quietSince = _helloAt > _heardAt ? _helloAt.Value : _heardAt;
        if (_helloAt is null || now - quietSince >= HelloInterval)
        {
            _helloAt = now;
            return new SendStep.SayHello();
        }

        return new SendStep.Wait(HelloInterval - (now - quietSince));
    }

    /// <summary>Takes a message of the receiver.</summary>
    public SendStep Receive(FileReply reply, DateTimeOffset now)
    {
        if (reply is FileReply.Done)
        {
            _heardAt = now;
            return new SendStep.Finish();
        }

        var fetch = (FileReply.Fetch)reply;
        if (fetch.Offset < 0 || fetch.Length is <= 0 or > FetchBytesMax || fetch.Offset > _fileSize - fetch.Length)
        {
            return new SendStep.Ignore($"FETCH of {fetch.Length} bytes at {fetch.Offset} in a file of {_fileSize}");
        }

        _heardAt = now;
        _bytesSent += fetch.Length;
        return _bytesSent > _bytesMax
            ? new SendStep.GiveUp($"the receiver has asked for everything {RepeatsMax} times")
            : new SendStep.SendChunk(fetch.Offset, fetch.Length);
    }
}
