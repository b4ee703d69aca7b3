using Piwheels.Logger.Delivery;
using Piwheels.Logger.Reading;

namespace Piwheels.Logger;

/// <summary>Keeps how far the master was told of each log, and writes it into the state's file, if there is one.</summary>
internal sealed class LoggerPlaces(string? path)
{
    private readonly List<LogPlace> _places = [];
    private readonly List<HitBatch> _given = [];

    /// <summary>What the run before has left.</summary>
    /// <exception cref="LoggerException">The file is something else.</exception>
    public KnownPlaces Read()
    {
        var state = path is null ? LoggerState.Empty : LoggerState.Read(path);
        var places = state.Files
            .Select(static file => new LogPlace(file.Name, new FileHead(file.HeadLength, file.Hash), file.Place)).ToList();
        return new KnownPlaces(
            places,
            [.. state.Batches.Select(batch => (batch.Request, Ends(batch)))]);

        List<(LogPlace At, long Place)> Ends(StateBatch batch) => [.. batch.Ends.Select(end => (places[end.File], end.Place))];
    }

    /// <summary>Keeps others from the state's file, as long as the answer is not disposed; null where there is none.</summary>
    /// <exception cref="LoggerException">Another logger uses it, or it cannot be made.</exception>
    public IDisposable? Hold()
    {
        if (path is null) return null;
        try
        {
            // Beside it: the state itself is replaced each time
            return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LoggerException($"the state cannot be kept, or another logger keeps it: {fault.Message}", fault);
        }
    }

    /// <summary>Says what is read now; what is not read any more is forgotten once all of it was told.</summary>
    public void Watch(IEnumerable<LogFile> files)
    {
        _places.Clear();
        _places.AddRange(files.Select(static file => file.At));
    }

    /// <summary>The master has been told of a batch.</summary>
    public static void Tell(HitBatch batch)
    {
        foreach (var (at, place) in batch.Ends) at.Told = place;
    }

    /// <summary>Writes down that all has been told, if that is not written yet.</summary>
    public void SaveRest()
    {
        if (_given.Count > 0) Save([]);
    }

    /// <summary>Writes down where everything stands.</summary>
    /// <param name="batches">Those that are not delivered, the oldest first.</param>
    /// <exception cref="LoggerException">The file cannot be written.</exception>
    public void Save(IReadOnlyList<HitBatch> batches)
    {
        foreach (var batch in batches.Where(batch => !_given.Contains(batch))) _given.Add(batch);
        // In their order: what is delivered before an older one is on its way still
        while (_given is [{ IsDone: true } first, ..])
        {
            Tell(first);
            _given.RemoveAt(0);
        }

        if (path is null) return;
        var places = _places.Concat(_given.SelectMany(static batch => batch.Ends.Keys)).Distinct().ToList();
        new LoggerState(
            [.. places.Select(static at => new StateFile(at.Name, at.Head.Length, at.Head.Hash, at.Told))],
            [
                .. _given.Select(batch => new StateBatch(
                    batch.Request, [.. batch.Ends.Select(end => new StateEnd(places.IndexOf(end.Key), end.Value))])),
            ]).Write(path);
    }
}

/// <summary>What a run has left: the places of logs, and batches that were on their way, each with where it ends.</summary>
internal sealed record KnownPlaces(
    IReadOnlyList<LogPlace> Places, IReadOnlyList<(Guid Request, List<(LogPlace At, long Place)> Ends)> Batches)
{
    public IReadOnlyList<LogPlace> Of(string name) => [.. Places.Where(place => place.Name == name)];
}
