using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Administration;

/// <summary>One tool on the import queue: what it may say next, and how far its import has come.</summary>
public sealed class ImportSession
{
    /// <summary>How often a file may be sent before it is given up.</summary>
    public const int AttemptsMax = 3;

    private BuildState? _build;
    private Release _release;
    private int _next;
    private int _attempts;

    /// <summary>When the tool said something last.</summary>
    public DateTimeOffset LastHeard { get; private set; }

    /// <summary>A tool of 0.16 to 0.19, which wants no data with DONE.</summary>
    public bool IsOld { get; private set; }

    /// <summary>An import is under way.</summary>
    public bool Importing => _build is not null;

    /// <summary>The package of the import under way.</summary>
    public PackageName Package => _release.Package;

    /// <summary>What a request calls for.</summary>
    public ImportStep Receive(ImportRequest request, DateTimeOffset now)
    {
        LastHeard = now;
        switch (request)
        {
            case ImportRequest.Import import:
                return ImportCheck.Check(import.Build);
            case ImportRequest.Sent:
                return Importing
                    ? new ImportStep.Verify(_release.Package)
                    : new ImportStep.Refuse("protocol violation");
            default:
                IsOld |= request is ImportRequest.Remove;
                return new ImportStep.Change(request);
        }
    }

    /// <summary>The import may begin: its release and ABI are known.</summary>
    public ImportStep Accept(ImportStep.Begin begin)
    {
        (_build, _release, _next, _attempts) = (begin.Build, begin.Release, 0, 1);
        return new ImportStep.Expect(_build.Files[0]);
    }

    /// <summary>The file that was expected is there.</summary>
    /// <param name="requiresPython">What its METADATA says, whatever the tool claimed; null for nothing.</param>
    public ImportStep Verified(string? requiresPython)
    {
        var build = _build ?? throw new InvalidOperationException("nothing is imported");
        build = build with
        {
            Files = [.. build.Files.Select((file, at) => at == _next ? file with { RequiresPython = requiresPython } : file)],
        };
        _build = build;
        _next++;
        _attempts = 1;
        return _next < build.Files.Count
            ? new ImportStep.Expect(build.Files[_next])
            : new ImportStep.Record(build, _release);
    }

    /// <summary>What came is not what was announced.</summary>
    public ImportStep Mismatched(string reason)
    {
        var build = _build ?? throw new InvalidOperationException("nothing is imported");
        var file = build.Files[_next];
        return _attempts++ < AttemptsMax
            ? new ImportStep.Expect(file)
            : new ImportStep.Refuse($"{file.Filename}: {reason}, {AttemptsMax} times");
    }

    /// <summary>The import is over, done or not.</summary>
    public void End()
    {
        _build = null;
        _release = default;
        _next = 0;
    }
}
