using System.Collections.Concurrent;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>The task itself, with its sockets.</summary>
public sealed class CloudGazerTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    [Fact]
    public async Task Removals_go_to_SlaveDriver_then_to_TheSecretary_and_pages_are_asked_for()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("foo", "1.0");
            folder.AddSdist("foo", "2.0");
            folder.AddSdist("gone", "1.0");
        });
        bed.Index.Index.Catalog.Enter("foo", "1.0", "remove release");
        bed.Index.Index.Catalog.Enter("gone", null, "remove project");
        bed.Gazer(selection: false).Start();
        var last = bed.Index.Index.Catalog.LastSerial - 1;
        await bed.UntilAsync(async () => await bed.Database.GetPypiSerialAsync() == last);
        Assert.Equal(["2.0"], (await bed.Database.GetProjectDataAsync(Foo))!.Versions.Select(v => v.Version));
        Assert.False(await bed.Database.TestPackageAsync(PackageName.Parse("gone")));
        var asked = bed.Asked.ToList();
        Assert.Contains("web BOTH foo", asked);
        // Between the two kinds there is no order: packages are worked on side by side
        Assert.Equal(["skip DELVER foo 1.0", "web DELVER foo 1.0"], With("DELVER"));
        Assert.Equal(["skip DELPKG gone", "web DELPKG gone"], With("DELPKG"));
        IEnumerable<string> With(string name) => asked.Where(a => a.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_selection_is_followed_and_the_rest_of_the_index_is_not()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("foo", "1.0");
            folder.AddSdist("bar", "1.0");
        });
        await bed.Database.AddTargetAsync(new Target("cp311", "linux_x86_64"));
        await bed.Database.AddRequestsAsync(
            SelectionOrigin.Follow, new SelectionWish([Requirement.Parse("foo")], []));
        bed.Gazer(selection: true).Start();
        await bed.UntilAsync(async () => (await bed.Database.GetSelectionAsync()).Entries[0].State == SelectionState.Resolved);
        Assert.Equal([Foo], await bed.Database.GetAllPackagesAsync());
        Assert.Equal(0, bed.Index.Asked("/pypi"));
    }

    [Fact]
    public async Task An_index_that_is_not_there_is_waited_for()
    {
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        bed.Index.Faults.Spoil("/pypi", IndexFaults.Status(503), times: 2);
        var gazer = bed.Gazer(selection: false);
        gazer.Start();
        for (var failures = 1; failures <= 2; failures++)
        {
            var wanted = failures;
            await bed.UntilAsync(() => Task.FromResult(wanted == bed.Tasks.Log.Entries
                .Count(l => l.Message.Contains("503", StringComparison.Ordinal))));
            await TurnAsync(gazer);
            bed.Tasks.Time.Advance(RetryGate.DelayMax);
        }

        await bed.UntilAsync(() => bed.Database.TestPackageAsync(Foo));
    }

    [Fact]
    public async Task It_quits_in_the_middle_of_a_request_that_is_never_answered()
    {
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        var asked = new TaskCompletionSource();
        bed.Index.Faults.Spoil("/pypi", bed.Index.Faults.NeverAnswers());
        bed.Index.Faults.Seen = _ => asked.TrySetResult();
        var gazer = bed.Gazer(selection: false);
        gazer.Start();
        await asked.Task.Within();
        gazer.Quit();
        await gazer.Completion.Within();
    }

    [Fact]
    public async Task A_pause_stops_the_following_and_a_resume_goes_on()
    {
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        var gazer = bed.Gazer(selection: false);
        gazer.Start();
        await bed.Tasks.Log.WhenAsync(l => l.Message.StartsWith("at the log's end", StringComparison.Ordinal));
        await TurnAsync(gazer);
        gazer.Pause();
        await TurnAsync(gazer);
        var requests = bed.Index.Faults.Requests.Count;
        bed.Index.Publish(bed.Index.Folder.AddSdist("bar", "1.0"));
        bed.Tasks.Time.Advance(TimeSpan.FromMinutes(1));
        await TurnAsync(gazer);
        Assert.Equal(requests, bed.Index.Faults.Requests.Count);
        gazer.Resume();
        await TurnAsync(gazer);
        bed.Tasks.Time.Advance(TimeSpan.FromSeconds(1));
        await bed.UntilAsync(() => bed.Database.TestPackageAsync(PackageName.Parse("bar")));
    }

    /// <summary>Waits until the task has done what it had before it.</summary>
    private static Task TurnAsync(CloudGazer gazer)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gazer.Post(turn.SetResult);
        return turn.Task.Within();
    }

    private sealed class Bed : IAsyncDisposable
    {
        internal TaskTestbed Tasks { get; } = new();
        internal StandInBed Index { get; private init; } = null!;
        internal FakeDatabase Database { get; private init; } = null!;
        internal ConcurrentQueue<string> Asked { get; } = new();

        internal static async Task<Bed> StartAsync(Action<DistributionFolder> fill)
        {
            var index = await StandInBed.StartAsync(fill);
            var bed = new Bed { Index = index, Database = new FakeDatabase(index.Time) };
            var others = bed.Tasks.Task("others");
            others.BindRpc<SecretaryRequest, SecretaryReply>("inproc://web", request =>
            {
                bed.Asked.Enqueue("web " + request switch
                {
                    SecretaryRequest.Both both => $"BOTH {both.Package}",
                    SecretaryRequest.DeletePackage gone => $"DELPKG {gone.Package}",
                    SecretaryRequest.DeleteVersion gone => $"DELVER {gone.Release}",
                    _ => request.Name,
                });
                return Task.FromResult<SecretaryReply>(new SecretaryReply.Done());
            });
            others.BindRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue, request =>
            {
                bed.Asked.Enqueue("skip " + request switch
                {
                    SkipRequest.DeletePackage gone => $"DELPKG {gone.Package}",
                    SkipRequest.DeleteVersion gone => $"DELVER {gone.Release}",
                    _ => request.Name,
                });
                return Task.FromResult<SkipReply>(new SkipReply.Ok());
            });
            others.Start();
            return bed;
        }

        internal CloudGazer Gazer(bool selection) => Tasks.Add(new CloudGazer(
            new MasterConfiguration
            {
                FollowSelection = selection,
                OutputPath = Tasks.Folder,
                PypiXmlRpc = Index.Index.Pypi,
                PypiJson = Index.Index.Pypi,
                PypiSimple = Index.Index.Simple,
            },
            Tasks.Environment,
            Database,
            StandInBed.Unpaced));

        /// <summary>
        /// Looks again and again until something holds, but not for ever; the test's clock stands still.
        /// </summary>
        internal async Task UntilAsync(Func<Task<bool>> condition)
        {
            using var limit = new CancellationTokenSource(Waiting.Limit);
            while (!await condition())
            {
                limit.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Tasks.DisposeAsync();
            await Index.DisposeAsync();
        }
    }
}
