using System.Formats.Cbor;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Logger.Delivery;
using Piwheels.Logger.Formats;
using Piwheels.Logger.Reading;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Logger;

/// <summary>
/// Reads web servers' logs and tells the master of what counts. One thread does it all, and waits for the master and for
/// standard input in one place. Where it does not drop, it reads no further than the master takes.
/// </summary>
public sealed partial class LoggerRun : ILineSink, IDisposable
{
    /// <summary>Batches that wait before no more is read.</summary>
    private const int BatchesMax = 2 * Courier.Window;

    /// <summary>Batches that wait before hits are dropped; some 30 MB.</summary>
    private const int BatchesBeforeDropping = 100;

    /// <summary>How often files are looked at that grow.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>How long what a web server has written before the end is read.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(2);

    private readonly LoggerConfiguration _configuration;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LineParser _parser;
    private readonly LineCounts _counts;
    private readonly Courier _courier;
    private readonly CborWriter _writer = new(CborConformanceMode.Lax);
    private readonly LoggerPlaces _places;
    private HitBatch? _open;
    private bool _incomplete;

    private LoggerRun(LoggerConfiguration configuration, ZmqContext zmq, TimeProvider time, ILogger logger)
    {
        (_configuration, _time, _logger) = (configuration, time, logger);
        _parser = new LineParser(configuration.Format, time);
        _counts = new LineCounts(time, logger);
        _courier = new Courier(configuration.LogQueue, zmq, time, logger);
        _places = new LoggerPlaces(configuration.StateFile);
    }

    /// <summary>Reads to the end, or until told to stop.</summary>
    /// <returns>Whether all that was read has been told, or will be at the next start.</returns>
    /// <exception cref="LoggerException">A file cannot be read, the state cannot be kept, or no master came.</exception>
    public static bool Run(LoggerConfiguration configuration, TimeProvider time, ILoggerFactory loggers, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var logger = loggers.CreateLogger("logger");
        foreach (var lack in configuration.Format.Lacks) NothingCounts(logger, configuration.Format.Text, lack);
        using var zmq = new ZmqContext();
        using var run = new LoggerRun(configuration, zmq, time, logger);
        var complete = run.Run(stop);
        return run.HasSentAll(zmq) && complete;
    }

    public void Dispose() => _courier.Dispose();

    void ILineSink.Take(ReadOnlySpan<byte> line, bool tooLong, LogFile? file)
    {
        Core.States.AccessState? access = null;
        var outcome = tooLong ? LineOutcome.TooLong : _parser.Parse(line, out access);
        _counts.Add(outcome, line);
        _open ??= new HitBatch(RequestNumber.Next(_time), _time.GetUtcNow());
        if (access is not null) _open.Add(access, _writer);
        if (file is not null) _open.Ends[file.At] = file.Place;
        if (_open.IsFull) CloseBatch();
    }

    private bool Run(CancellationToken stop)
    {
        if (_configuration.Follows || KeepsState)
        {
            ReadFollowed(stop);
        }
        else
        {
            foreach (var file in _configuration.Files.DefaultIfEmpty(LoggerConfiguration.StandardInput))
            {
                if (file == LoggerConfiguration.StandardInput) ReadStandardInput(stop);
                else ReadWhole(file, stop);
            }
        }

        CloseBatch();
        DeliverRest(stop);
        var undelivered = _courier.Undelivered;
        if (_configuration.Drops) _counts.Drop((int)undelivered);
        _places.Save(_courier.Batches);
        _counts.TellAll(_courier.Delivered, _courier.LeftOut);
        if (undelivered > 0 && KeepsState) LeftForLater(_logger, undelivered);
        else if (undelivered > 0 && !_configuration.Drops) Undelivered(_logger, undelivered);
        if (_counts.All > 0 && _counts.Unreadable == _counts.All)
            throw new LoggerException($"no line is of the format {_configuration.Format.Text}; --format says which it is");
        return !_incomplete && (undelivered == 0 || KeepsState || _configuration.Drops);
    }

    private bool KeepsState => _configuration.StateFile is not null;

    private void ReadStandardInput(CancellationToken stop)
    {
        const int Descriptor = 0;
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(Descriptor, ownsHandle: false);
        // What it is, its first bytes tell, and nobody knows when these come
        Stream? input = null;
        var cutter = new LineCutter();
        long? stopped = null;
        while (true)
        {
            if (stop.IsCancellationRequested) stopped ??= _time.GetTimestamp();
            if (stopped is { } since && _time.GetElapsedTime(since) > DrainLimit) break;
            Tend();
            if (!HasRoom())
            {
                _courier.Wait(LookInterval);
                continue;
            }

            // Once told to stop, what is there already is read, and no more
            if (!_courier.Wait(stopped is null ? LookInterval : TimeSpan.Zero, Descriptor))
            {
                if (stopped is not null) break;
                continue;
            }

            input ??= StandardStream.Open(handle);
            if (cutter.Fill(input) == 0) break;
            while (cutter.TryCut(out var line, out var tooLong)) ((ILineSink)this).Take(line, tooLong, file: null);
        }

        input?.Dispose();
        if (cutter.TryCutRest(out var rest, out var restTooLong)) ((ILineSink)this).Take(rest, restTooLong, file: null);
    }

    private void ReadWhole(string path, CancellationToken stop)
    {
        try
        {
            using var file = LogFile.Open(path, path, 0);
            do WaitForRoom(stop);
            while (!stop.IsCancellationRequested && file.ReadSome(this));
            if (stop.IsCancellationRequested) Stopped(path, file.Place);
            else file.TakeRest(this);
        }
        catch (InvalidDataException fault)
        {
            Damaged(_logger, path, fault.Message);
            _incomplete = true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LoggerException($"{path} cannot be read: {fault.Message}", fault);
        }
    }

    private void Stopped(string path, long place)
    {
        StoppedEarly(_logger, path, place);
        _incomplete = true;
    }

    private void ReadFollowed(CancellationToken stop)
    {
        using var held = _places.Hold();
        var names = new List<FollowedName>();
        try
        {
            var known = KeepsState ? _places.Read() : null;
            foreach (var file in _configuration.Files)
            {
                var name = new FollowedName(file, _time, _logger);
                names.Add(name);
                if (known is null) name.BeginAtEnd();
                else name.Resume(known.Of(name.Name));
            }

            if (known is not null) SendAgain(known, names);
            Follow(names, stop);
            foreach (var name in names) name.LetGo(this, follows: _configuration.Follows);
        }
        finally
        {
            foreach (var name in names) name.Dispose();
        }
    }

    /// <summary>Batches that were on their way at the end of the run before: of the same lines, with the same numbers.</summary>
    private void SendAgain(KnownPlaces known, List<FollowedName> names)
    {
        var files = names.SelectMany(static name => name.Files).ToList();
        foreach (var (request, ends) in known.Batches)
        {
            var batch = new HitBatch(request, _time.GetUtcNow());
            var sink = new OneBatch(batch, _parser, _writer);
            foreach (var (at, place) in ends)
            {
                if (files.Find(file => file.At == at) is not { } file) continue;
                while (file.Place < place && file.ReadSome(sink, place))
                {
                }
            }

            if (batch.Entries.Count > 0) _courier.Give(batch);
            else LoggerPlaces.Tell(batch);
        }

        _places.Save(_courier.Batches);
    }

    private void Follow(List<FollowedName> names, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Tend();
            if (!HasRoom())
            {
                if (!_configuration.Follows) GiveUpAlone();
                _courier.Wait(LookInterval);
                continue;
            }

            _places.Watch(names.SelectMany(static name => name.Files));
            var came = false;
            foreach (var name in names) came |= name.ReadSome(this);
            if (came) continue;
            if (!_configuration.Follows) return;
            foreach (var name in names) name.LetGo(this, follows: true);
            _courier.Wait(LookInterval);
        }
    }

    /// <summary>What is to be done now and then: batches closed by time, answers taken, hits sent.</summary>
    private void Tend()
    {
        if (_open is { } open && _time.GetUtcNow() - open.Began >= _configuration.FlushInterval) CloseBatch();
        _courier.Turn();
        if (_courier.Batches.Count == 0) _places.SaveRest();
        _counts.TellDropped();
    }

    private void CloseBatch()
    {
        if (_open is not { } batch) return;
        _open = null;
        if (_configuration.Drops && _courier.Batches.Count >= BatchesBeforeDropping)
        {
            _counts.Drop(batch.Entries.Count);
            return;
        }

        if (batch.Entries.Count > 0)
        {
            _courier.Give(batch);
            _places.Save(_courier.Batches);
        }
        else if (_courier.Batches is [.., var last])
        {
            // Lines that count as nothing are told of with the hits before them
            foreach (var (at, place) in batch.Ends) last.Ends[at] = place;
        }
        else
        {
            LoggerPlaces.Tell(batch);
            _places.Save([]);
        }
    }

    private bool HasRoom() => _configuration.Drops || _courier.Batches.Count < BatchesMax;

    private void WaitForRoom(CancellationToken stop)
    {
        Tend();
        while (!HasRoom() && !stop.IsCancellationRequested)
        {
            GiveUpAlone();
            _courier.Wait(LookInterval);
            Tend();
        }
    }

    private void DeliverRest(CancellationToken stop)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            _courier.Turn();
            if (_courier.Batches.Count == 0) return;
            if (!stop.IsCancellationRequested && !_configuration.Drops)
            {
                GiveUpAlone();
                began = _time.GetTimestamp();
            }
            else if (_time.GetElapsedTime(began) > _configuration.StopLimit)
            {
                return;
            }

            _courier.Wait(LookInterval);
        }
    }

    private void GiveUpAlone()
    {
        if (_courier.Alone < _configuration.MasterLimit) return;
        _places.Save(_courier.Batches);
        throw new LoggerException(
            $"no master is at {_configuration.LogQueue}; {_courier.Delivered} hits were told, {_courier.Undelivered} that were read were not");
    }

    /// <summary>What libzmq still held when the socket was closed goes within its time, or not at all.</summary>
    private bool HasSentAll(ZmqContext zmq)
    {
        if (!_courier.IsPlain) return true;
        _courier.Dispose();
        var began = _time.GetTimestamp();
        zmq.Dispose();
        if (_time.GetElapsedTime(began) < Courier.PlainLinger) return true;
        MaybeUndelivered(_logger, Courier.PlainAhead);
        return false;
    }

    /// <summary>Reads lines into one batch, whatever its size.</summary>
    private sealed class OneBatch(HitBatch batch, LineParser parser, CborWriter writer) : ILineSink
    {
        public void Take(ReadOnlySpan<byte> line, bool tooLong, LogFile? file)
        {
            if (!tooLong && parser.Parse(line, out var access) == LineOutcome.Counts) batch.Add(access!, writer);
            if (file is not null) batch.Ends[file.At] = file.Place;
        }
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Warning, Message = "nothing of the format {Format} counts: it lacks {Lack}")]
    private static partial void NothingCounts(ILogger logger, string format, string lack);

    [LoggerMessage(EventId = 31, Level = LogLevel.Warning, Message = "{Path} is damaged, and read no further: {Reason}")]
    private static partial void Damaged(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 35, Level = LogLevel.Warning, Message = "stopped at byte {Place} of {Path}")]
    private static partial void StoppedEarly(ILogger logger, string path, long place);

    [LoggerMessage(EventId = 32, Level = LogLevel.Error, Message = "{Count} hits could not be delivered, and are lost")]
    private static partial void Undelivered(ILogger logger, long count);

    [LoggerMessage(EventId = 33, Level = LogLevel.Warning, Message = "{Count} hits could not be delivered, and are read again at the next start")]
    private static partial void LeftForLater(ILogger logger, long count);

    [LoggerMessage(EventId = 34, Level = LogLevel.Error, Message = "up to {Count} hits could not be delivered, and are lost")]
    private static partial void MaybeUndelivered(ILogger logger, int count);
}
