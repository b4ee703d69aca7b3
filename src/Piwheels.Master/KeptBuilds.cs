using System.Buffers.Binary;
using System.Formats.Cbor;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master;

/// <summary>
/// Results of builds with their logs, on the disk from before the database is asked to record them until their logs are
/// written. A master that was killed in between finds them at its next start, and records them once more under the same
/// number: what the database has already is answered as the first time. May be used by any thread.
/// </summary>
/// <remarks>
/// Results follow each other in files, since one made and removed for each would cost a quarter of all that a build takes. A
/// result is three 32-bit numbers, whether it is kept still, the length in bytes of what the database is asked and that of
/// the log, and then both. A file goes when it is full and nothing in it is kept. Nothing is flushed: the system has it when
/// the master is killed, and a power cut takes pages and logs as well.
/// </remarks>
public sealed partial class KeptBuilds
{
    /// <summary>Below the published folder, and never served.</summary>
    public const string FolderName = ".builds";

    /// <summary>A file of this many bytes is followed by the next; a larger result has one of its own.</summary>
    internal const int FileBytesMax = 4 << 20;

    private const string Extension = ".results";
    private const int HeadBytes = 3 * sizeof(int);
    private const int Kept = 0x4b455054;
    private const int Done = 0;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, (ResultFile File, long Offset)> _kept = [];
    private readonly string _folder;
    private readonly ILogger _logger;
    private IReadOnlyList<string> _left = [];
    private ResultFile? _last;

    private KeptBuilds(string folder, ILogger logger) => (_folder, _logger) = (folder, logger);

    /// <summary>How many results are kept.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _kept.Count;
        }
    }

    /// <summary>Of what is there now, an earlier run was not done with it.</summary>
    public static KeptBuilds Open(string outputPath, ILogger logger)
    {
        var folder = Path.Combine(outputPath, FolderName);
        return new KeptBuilds(folder, logger)
        {
            _left = Directory.Exists(folder) ? [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)] : [],
        };
    }

    /// <summary>
    /// What an earlier run was not done with, file by file; once. What is not whole, it had not begun to record.
    /// </summary>
    public IEnumerable<KeptBuild> TakeOver()
    {
        var left = _left;
        _left = [];
        foreach (var path in left)
        {
            foreach (var kept in Read(path)) yield return kept;
        }
    }

    /// <summary>Keeps a result. Where the disk does not take it, it is recorded all the same.</summary>
    public void Keep(KeptBuild kept)
    {
        var content = ContentOf(kept);
        try
        {
            if (content.Length >= FileBytesMax)
            {
                Append(kept.Number, Make(), content);
                return;
            }

            // The lock is held for the writing: where one ends the next begins, and none may be missing in between
            lock (_lock) Append(kept.Number, _last = _last is { IsFull: false } ? _last : Make(), content);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            NotKept(_logger, kept.Build.Package, kept.Build.Version, failure.Message);
        }
    }

    /// <summary>It is recorded and its log written, or it is not wanted.</summary>
    public void Drop(KeptBuild kept)
    {
        lock (_lock)
        {
            if (!_kept.Remove(kept.Number, out var place)) return;
            place.File.Kept--;
            try
            {
                if (place.File is { IsFull: true, Kept: 0 }) place.File.Delete();
                else RandomAccess.Write(place.File.Handle, BitConverter.GetBytes(Done), place.Offset);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // The next start finds it, and that it is recorded
                NotDropped(_logger, place.File.Path, failure.Message);
            }
        }
    }

    private ResultFile Make()
    {
        Directory.CreateDirectory(_folder, OwnerOnly | UnixFileMode.UserExecute);
        var path = Path.Combine(_folder, $"{Guid.CreateVersion7():N}{Extension}");
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        File.SetUnixFileMode(handle, OwnerOnly);
        return new ResultFile(path, handle);
    }

    private void Append(Guid number, ResultFile file, byte[] content)
    {
        try
        {
            RandomAccess.Write(file.Handle, content, file.Length);
        }
        catch (IOException)
        {
            // Nothing may follow what a full disk has cut off: a log could have been made so that it is taken for a result
            file.IsClosed = true;
            if (file.Kept == 0) file.Delete();
            throw;
        }

        lock (_lock)
        {
            _kept[number] = (file, file.Length);
            file.Length += content.Length;
            file.Kept++;
        }
    }

    private static byte[] ContentOf(KeptBuild kept)
    {
        var writer = new CborWriter();
        new DbRequest.LogBuild(kept.Build, kept.Number).Write(writer);
        var log = kept.Build.Output;
        var content = new byte[HeadBytes + writer.BytesWritten + Encoding.UTF8.GetByteCount(log)];
        var asked = writer.Encode(content.AsSpan(HeadBytes));
        var logged = Encoding.UTF8.GetBytes(log, content.AsSpan(HeadBytes + asked));
        BinaryPrimitives.WriteInt32LittleEndian(content, Kept);
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(sizeof(int)), asked);
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(2 * sizeof(int)), logged);
        return content;
    }

    private List<KeptBuild> Read(string path)
    {
        var found = new List<KeptBuild>();
        try
        {
            var content = File.ReadAllBytes(path);
            var file = new ResultFile(path, File.OpenHandle(path, FileMode.Open, FileAccess.Write)) { IsClosed = true };
            for (var offset = 0; TryReadHead(content, offset, out var state, out var asked, out var logged);)
            {
                var body = content.AsMemory(offset + HeadBytes, asked + logged);
                if (state == Kept && ReadResult(path, body, asked) is { } kept)
                {
                    lock (_lock) _kept[kept.Number] = (file, offset);
                    file.Kept++;
                    found.Add(kept);
                }

                offset += HeadBytes + asked + logged;
            }

            if (file.Kept == 0) file.Delete();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Unreadable(_logger, path, failure.Message);
        }

        return found;
    }

    private KeptBuild? ReadResult(string path, ReadOnlyMemory<byte> body, int asked)
    {
        try
        {
            if (DbRequest.Read(body[..asked]) is DbRequest.LogBuild { Request: { } number } request)
                return new KeptBuild(number, request.Build with { Output = Encoding.UTF8.GetString(body.Span[asked..]) });
            Unreadable(_logger, path, "it is another request");
        }
        catch (WireException wrong)
        {
            Unreadable(_logger, path, wrong.Message);
        }

        return null;
    }

    private static bool TryReadHead(byte[] content, int offset, out int state, out int asked, out int logged)
    {
        (state, asked, logged) = (0, 0, 0);
        if (content.Length - offset < HeadBytes) return false;
        var head = content.AsSpan(offset, HeadBytes);
        state = BinaryPrimitives.ReadInt32LittleEndian(head);
        asked = BinaryPrimitives.ReadInt32LittleEndian(head[sizeof(int)..]);
        logged = BinaryPrimitives.ReadInt32LittleEndian(head[(2 * sizeof(int))..]);
        return state is Kept or Done && asked > 0 && logged >= 0
            && (long)asked + logged <= content.Length - offset - HeadBytes;
    }

    private sealed class ResultFile(string path, SafeFileHandle handle)
    {
        public string Path { get; } = path;

        public SafeFileHandle Handle { get; } = handle;

        public long Length { get; set; }

        /// <summary>How many results in it are kept still.</summary>
        public int Kept { get; set; }

        public bool IsClosed { get; set; }

        public bool IsFull => IsClosed || Length >= FileBytesMax;

        public void Delete()
        {
            File.Delete(Path);
            Handle.Dispose();
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning,
        Message = "the result of {Package} {Version} is not kept, and is lost if the master is killed now: {Reason}")]
    private static partial void NotKept(ILogger logger, string package, string version, string reason);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error,
        Message = "{Path}: a result that an earlier run left there cannot be read: {Reason}")]
    private static partial void Unreadable(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "a result is left behind in {Path}: {Reason}")]
    private static partial void NotDropped(ILogger logger, string path, string reason);
}
