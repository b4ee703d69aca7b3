using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Transfers;

/// <summary>
/// How what comes in reaches the disk: a small file's chunks at once, a large one's on other threads, each file's in the
/// order that they came in, so that several are hashed and written side by side.
/// </summary>
public sealed partial class FileJuggler
{
    /// <summary>Files up to this size, in bytes, are written at once: they are here sooner than another thread would be.</summary>
    private const int WrittenAtOnceMax = 1 << 20;

    private void Store(IncomingFile incoming, FileRequest.Chunk chunk)
    {
        try
        {
            _diskFree -= chunk.Data.Length;
            if (_diskFree < _reserve) throw new IOException("the disk is full");
            incoming.Content ??= new IncomingContent(_output.CreateTemporary());
            if (incoming.Expected.File.FileSize > WrittenAtOnceMax)
            {
                incoming.Waiting.Add(chunk);
                if (incoming.Writing.IsCompleted) Track(incoming.Writing = WriteAsideAsync(incoming));
                return;
            }

            incoming.Content.Write(chunk.Offset, chunk.Data.Span);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Drop(incoming, failure);
            return;
        }

        Acknowledge(incoming);
    }

    private async Task WriteAsideAsync(IncomingFile incoming)
    {
        while (incoming.Waiting.Count > 0)
        {
            var chunks = incoming.Waiting.ToArray();
            incoming.Waiting.Clear();
            try
            {
                var content = incoming.Content!;
                if (!await Task.Run(() => Array.TrueForAll(chunks, chunk => content.Write(chunk.Offset, chunk.Data.Span))))
                    return;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                Drop(incoming, failure);
                return;
            }

            Acknowledge(incoming);
        }
    }

    /// <summary>What came is written: more is asked for, or it was the last.</summary>
    private void Acknowledge(IncomingFile incoming)
    {
        if (!incoming.State.Done)
        {
            Fetch(incoming.Sender, incoming.State.Fetch());
        }
        else if (incoming.Waiting.Count == 0)
        {
            Judge(incoming);
            Send(incoming.Sender, new FileReply.Done());
        }
    }

    /// <summary>The sender hears nothing more, says HELLO again, and may be luckier then.</summary>
    private void Drop(IncomingFile incoming, Exception failure)
    {
        var expected = incoming.Expected;
        _unstored.Add($"{expected.File.Filename} of {expected.Owner} cannot be stored: {failure.Message}");
        _transfers.Drop(incoming);
    }

    /// <summary>Where the hash is known with the last byte, what is wrong makes room at once for what is right.</summary>
    private void Judge(IncomingFile incoming)
    {
        var expected = incoming.Expected;
        if (!incoming.Content!.IsHashed(expected.File.FileSize)) return;
        var hash = incoming.Content.Hash();
        expected.Complete = hash == expected.File.FileHash;
        if (expected.Complete) return;
        expected.Problem = WheelIntake.OtherHash(hash, expected.File);
        _transfers.Drop(incoming);
    }
}
